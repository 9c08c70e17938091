package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"golang.org/x/sync/errgroup"

	"lectern/lms"
)

const (
	mailWorkers = 32
	mailFetch   = 50 * time.Millisecond // between two looks for mail while there is some: 640 a second at most
	mailTime    = 30 * time.Second      // for one delivery
	stopJobs    = 10 * time.Second      // for jobs that are running when the program ends
	sweepEvery  = time.Hour
	offersEvery = time.Minute // an offer of a seat lasts 15 minutes at least
	queueSweep  = "sweep"
	keepSpent   = 24 * time.Hour // how long what can no longer be used is kept, for questions of support
)

// mailJob is a message that is due. It holds references and no secrets: codes and links are derived when the
// message is sent.
type mailJob struct {
	Notice    lms.NoticeKind  `json:"notice"`
	Challenge string          `json:"challenge,omitempty"`
	Round     int             `json:"round,omitempty"`
	Link      string          `json:"link,omitempty"`
	Programme lms.ProgrammeID `json:"programme,omitempty"`
	Role      lms.Role        `json:"role,omitempty"`
	Course    lms.CourseID    `json:"course,omitempty"`
	Revision  int             `json:"revision,omitempty"` // of the course's schedule
	Person    lms.PersonID    `json:"person,omitempty"`
	Faculty   lms.FacultyRole `json:"faculty,omitempty"`

	Certificate string `json:"certificate,omitempty"`

	State lms.RegistrationState `json:"state,omitempty"` // that the message tells of
}

// Kind is the name of the job in the queue.
func (mailJob) Kind() string { return "mail" }

// InsertOpts bounds the attempts: a one-time code that comes after ten minutes is of no use.
func (mailJob) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 8} }

// queueMail makes a message due with the transaction that it belongs to.
func (db *DB) queueMail(ctx context.Context, tx pgx.Tx, job mailJob) error {
	_, err := db.jobs.InsertTx(ctx, tx, job, nil)
	return err
}

type mailWorker struct {
	river.WorkerDefaults[mailJob]
	db *DB
}

// Work checks once more that the message is due, puts it together and sends it.
func (w *mailWorker) Work(ctx context.Context, job *river.Job[mailJob]) error {
	n, err := w.db.notice(ctx, job.Args)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // not due, or no longer
	}
	if err != nil {
		return fmt.Errorf("look at what the mail is about: %w", err)
	}
	n.ID = fmt.Sprintf("mail-%d", job.ID)
	if err := w.db.notifier.Deliver(ctx, n); errors.Is(err, lms.ErrInvalid) {
		return river.JobCancel(err)
	} else if err != nil {
		return err
	}
	return nil
}

// Timeout bounds one delivery.
func (w *mailWorker) Timeout(*river.Job[mailJob]) time.Duration { return mailTime }

// notice puts a message together. The error is pgx.ErrNoRows when it is not due: a challenge that cannot be
// won, is over, or has gone on to another code; a link that was used or is too old.
func (db *DB) notice(ctx context.Context, job mailJob) (lms.Notice, error) {
	n := lms.Notice{Kind: job.Notice}
	now := db.now()
	switch job.Notice {
	case lms.NoticeOTP:
		err := db.pool.QueryRow(ctx, `
			select challenges.email, coalesce(persons.name, ''), coalesce(persons.zone, ''),
				coalesce(nullif(challenges.language, ''), persons.language, ''), challenges.sent_at
			from challenges left join persons on persons.email = challenges.email
			where challenges.id = $1 and winnable and round = $2 and used_at is null and sent_at > $3`,
			job.Challenge, job.Round, now.Add(-lms.OTPLife)).Scan(&n.To, &n.Name, &n.Zone, &n.Language, &n.ExpiresAt)
		n.ExpiresAt = n.ExpiresAt.Add(lms.OTPLife)
		n.Code = db.pepper.OTP(job.Challenge, job.Round)
		return n, err
	case lms.NoticeLink:
		err := db.pool.QueryRow(ctx, `
			select persons.email, persons.name, persons.zone, persons.language, join_links.expires_at, programmes.title
			from join_links join persons on persons.id = join_links.person_id, programmes
			where join_links.id = $1 and used_at is null and revoked_at is null and expires_at > $2 and programmes.id = $3`,
			job.Link, now, job.Programme).Scan(&n.To, &n.Name, &n.Zone, &n.Language, &n.ExpiresAt, &n.Programme)
		n.Link, n.Role = db.site+"/join/"+db.joinToken(job.Link), job.Role
		return n, err
	case lms.NoticeRegistration:
		var until *time.Time
		err := db.pool.QueryRow(ctx, `
			select persons.email, persons.name, persons.zone, persons.language, programmes.title, registrations.state, reason, offer_until
			from registrations join persons on persons.id = registrations.person_id join programmes on programmes.id = registrations.programme_id
			where registrations.programme_id = $1 and registrations.person_id = $2 and registrations.state = $3`,
			job.Programme, job.Person, job.State).
			Scan(&n.To, &n.Name, &n.Zone, &n.Language, &n.Programme, &n.Registration, &n.Reason, &until)
		n.Link, n.ExpiresAt = db.site+"/registrations", orZero(until)
		return n, err
	case lms.NoticeSchedule, lms.NoticeCancel, lms.NoticeRestore:
		return db.scheduleNotice(ctx, job, now)
	case lms.NoticeFaculty:
		return db.facultyNotice(ctx, job, now)
	case lms.NoticeCertificate:
		return db.certificateNotice(ctx, job)
	}
	return n, pgx.ErrNoRows // of a version to come
}

// sweepJob deletes what can no longer be used.
type sweepJob struct{}

// Kind is the name of the job in the queue.
func (sweepJob) Kind() string { return "sweep" }

type sweepWorker struct {
	river.WorkerDefaults[sweepJob]
	db *DB
}

// Work deletes challenges, counters, links and sessions that ended a day ago, and recordings that are kept no longer.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepJob]) error {
	before := w.db.now().Add(-keepSpent)
	for _, statement := range []string{
		`delete from challenges where created_at < $1`,
		`delete from limits where ends < $1`,
		`delete from join_links where expires_at < $1`,
		`delete from sessions where expires_at < $1`,
		`delete from known_devices where seen_at < $1::timestamptz - interval '90 days'`,
	} {
		if _, err := w.db.pool.Exec(ctx, statement, before); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	if _, err := w.db.pool.Exec(ctx, `update audit set source = null where source is not null and at < $1`, w.db.now().Add(-keepSources)); err != nil {
		return fmt.Errorf("forget the addresses of old deeds: %w", err)
	}
	_, err := w.db.ExpireRecordings(ctx)
	return err
}

// offersJob ends offers of seats that nobody took.
type offersJob struct{}

// Kind is the name of the job in the queue.
func (offersJob) Kind() string { return "offers" }

type offersWorker struct {
	river.WorkerDefaults[offersJob]
	db *DB
}

// Work ends them.
func (w *offersWorker) Work(ctx context.Context, _ *river.Job[offersJob]) error {
	_, err := w.db.EndOffers(ctx)
	return err
}

// newWorkers makes the client that works the queue: mail where there is somebody to send it, and the sweep.
func (db *DB) newWorkers() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &sweepWorker{db: db})
	river.AddWorker(workers, &rederiveWorker{db: db})
	river.AddWorker(workers, &offersWorker{db: db})
	queues := map[string]river.QueueConfig{queueSweep: {MaxWorkers: 1}}
	if db.notifier != nil {
		river.AddWorker(workers, &mailWorker{db: db})
		queues[river.QueueDefault] = river.QueueConfig{MaxWorkers: mailWorkers}
	}
	return river.NewClient(riverpgxv5.New(db.pool), &river.Config{
		Logger:  library(db.log),
		Workers: workers,
		Queues:  queues,

		FetchCooldown: mailFetch,
		PeriodicJobs:  []*river.PeriodicJob{periodic(sweepEvery, sweepJob{}), periodic(rederiveEvery, rederiveJob{}), periodic(offersEvery, offersJob{})},
	})
}

// periodic works a job at the start and then from time to time.
func periodic(every time.Duration, job river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(every),
		func() (river.JobArgs, *river.InsertOpts) { return job, &river.InsertOpts{Queue: queueSweep} },
		&river.PeriodicJobOpts{RunOnStart: true})
}

// Run enters watch reports and works the job queue until ctx ends. Reports that were taken are entered, and
// jobs that run get a little time to finish.
func (db *DB) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return db.ledger.run(ctx) })
	group.Go(func() error { return db.runJobs(ctx) })
	group.Go(func() error { return db.runSealer(ctx) })
	group.Go(func() error { return db.runDrawing(ctx) })
	return group.Wait()
}

func (db *DB) runJobs(ctx context.Context) error {
	// The client is not told of ctx, because it would cancel the jobs that run when that ends.
	jobs, err := db.newWorkers()
	if err != nil {
		return fmt.Errorf("make the job queue: %w", err)
	}
	if err := jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopJobs)
	defer cancel()
	if err := jobs.Stop(stop); err != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopJobs)
		defer cancel()
		return jobs.StopAndCancel(hard) // what was cut off is worked again by the next start
	}
	return nil
}
