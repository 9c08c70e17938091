package postgres

import "context"

// RunLedger runs the batcher of watch reports alone, without the workers of the job queue.
func (db *DB) RunLedger(ctx context.Context) error { return db.ledger.run(ctx) }

// The batcher's queue, for the test that fills it.
const QueueMax = queueMax

// PlayersKept is how many players of a viewing are remembered.
const PlayersKept = playersKept
