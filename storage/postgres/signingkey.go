package postgres

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
	"lectern/lms/credential"
)

// keyAge is how long a key that was read is used before looking whether another took its place.
const keyAge = time.Minute

// signer holds the key that signs now.
type signer struct {
	mu   sync.Mutex
	key  credential.Key
	read time.Time // when it was read; zero before
}

// signingKey returns the key that signs now and makes the first one. It must not be called inside a transaction: drawing a
// key takes half a second.
func (db *DB) signingKey(ctx context.Context) (credential.Key, error) {
	db.signer.mu.Lock()
	defer db.signer.mu.Unlock()
	if !db.signer.read.IsZero() && db.now().Sub(db.signer.read) < keyAge {
		return db.signer.key, nil
	}
	key, err := db.readSigningKey(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		if err := db.RotateSigningKey(ctx, true); err != nil {
			return key, err
		}
		key, err = db.readSigningKey(ctx)
	}
	if err != nil {
		return key, fmt.Errorf("read the signing key: %w", err)
	}
	db.signer.key, db.signer.read = key, db.now()
	return key, nil
}

func (db *DB) readSigningKey(ctx context.Context) (credential.Key, error) {
	var id string
	var sealed []byte
	if err := db.pool.QueryRow(ctx, `select id, sealed from signing_keys where retired_at is null`).Scan(&id, &sealed); err != nil {
		return credential.Key{}, err
	}
	box, err := db.keyBox(id)
	if err != nil {
		return credential.Key{}, err
	}
	if len(sealed) < box.NonceSize() {
		return credential.Key{}, errors.New("a sealed key is too short")
	}
	raw, err := box.Open(nil, sealed[:box.NonceSize()], sealed[box.NonceSize():], []byte(id))
	if err != nil {
		return credential.Key{}, errors.New("the signing key cannot be opened with this LECTERN_SECRET")
	}
	return credential.ParseKey(raw)
}

// keyBox encrypts private keys under the server's secret, so that a copy of the database signs nothing.
func (db *DB) keyBox(id string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(db.pepper.Hash(lms.ForSigningKey, id))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// RotateSigningKey makes a new key that signs from now on. Earlier ones stay in the published set, and so do their
// signatures. With first it does so only when there is none yet.
func (db *DB) RotateSigningKey(ctx context.Context, first bool) error {
	key, err := credential.NewKey(db.random)
	if err != nil {
		return err
	}
	box, err := db.keyBox(key.ID)
	if err != nil {
		return err
	}
	nonce := make([]byte, box.NonceSize())
	if _, err := io.ReadFull(db.random, nonce); err != nil {
		return fmt.Errorf("draw a nonce: %w", err)
	}
	public, err := credential.JWKS([]credential.PublicKey{key.Public()})
	if err != nil {
		return err
	}
	return db.tx(ctx, "make a signing key", func(tx pgx.Tx, now time.Time) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('signing_keys'))`); err != nil {
			return err
		}
		if first {
			var there bool
			if err := tx.QueryRow(ctx, `select exists (select from signing_keys where retired_at is null)`).Scan(&there); err != nil || there {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `update signing_keys set retired_at = $1 where retired_at is null`, now); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into signing_keys (id, sealed, public, made_at) values ($1, $2, $3, $4)`,
			key.ID, append(nonce, box.Seal(nil, nonce, key.Marshal(), []byte(key.ID))...), public, now)
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, lms.Actor{}, deed{action: "make signing key", object: key.ID})
	})
}

// SigningKeys returns the public halves of all keys that ever signed, the newest first.
func (db *DB) SigningKeys(ctx context.Context) ([]credential.PublicKey, error) {
	rows, err := db.pool.Query(ctx, `select public from signing_keys order by made_at desc`)
	if err != nil {
		return nil, fmt.Errorf("read the public keys: %w", err)
	}
	var keys []credential.PublicKey
	var public []byte
	_, err = pgx.ForEachRow(rows, []any{&public}, func() error {
		set, err := credential.ParseJWKS(public)
		keys = append(keys, set...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the public keys: %w", err)
	}
	return keys, nil
}

// StatusList returns the signed list of certificates that are no longer good, of the lists' number. Errors:
// lms.ErrNotFound when no certificate has a place in it.
func (db *DB) StatusList(ctx context.Context, list int64) (string, error) {
	key, err := db.signingKey(ctx)
	if err != nil {
		return "", err
	}
	var token string
	err = db.tx(ctx, "make status list", func(tx pgx.Tx, now time.Time) error {
		first := list * credential.StatusListSize
		var there bool
		if err := tx.QueryRow(ctx, `select exists (select from certificates where status_index >= $1)`, first).Scan(&there); err != nil {
			return err
		}
		if list < 0 || list > 1<<30 || !there && list > 0 {
			return lms.ErrNotFound
		}
		rows, err := tx.Query(ctx, `select status_index - $1 from certificates where status_index >= $1 and status_index < $2 and status <> 'valid'`,
			first, first+credential.StatusListSize)
		if err != nil {
			return err
		}
		void, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		token, err = key.SealStatusList(db.site, list, void, now)
		return err
	})
	return token, err
}
