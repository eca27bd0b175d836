package durable

import (
	"context"
	"errors"
	"fmt"
)

// ErrOtherAccount means that the store belongs to another account, or to
// another address of the service.
var ErrOtherAccount = errors.New("helios: durable: the store belongs to another account")

// WithAccount names the account whose key the client has, so that no process
// opens the store of one account with the key of another: one patient's record
// would go to a stranger's account. The first process that gives a name writes
// it into the store; all that open it then must give the same one, or Open
// returns [ErrOtherAccount]. The name is not sent.
//
// The client's base URL is compared in the same way, without an option. A store
// in which every submission has ended may be opened with another one.
func WithAccount(name string) Option {
	return func(c *config) error {
		if name == "" || name != storable(name) {
			return errors.New("helios: durable: WithAccount: the name must be UTF-8 of 1 to 200 bytes")
		}
		c.account = name
		return nil
	}
}

const (
	selectOwner = `SELECT name, value FROM {settings} WHERE name IN ('account', 'base_url')`
	countOpen   = `SELECT count(*) FROM (SELECT 1 FROM {submissions}
		WHERE state IN ('queued', 'submitting', 'accepted', 'unknown', 'overdue') LIMIT 1) AS o`
)

// owner is who the store was used for.
type owner struct{ account, baseURL string }

// checkOwner compares the account and the base URL with what the store was used
// with before. It writes only what changes.
func (e *Engine) checkOwner(ctx context.Context) error {
	own := owner{e.account, e.client.BaseURL()}
	stored, _, err := readOwner(ctx, e.store.read)
	if err == nil && stored == own {
		return nil
	}

	if err == nil {
		err = e.store.write(ctx, func(tx transaction) error {
			if err := tx.run(ctx, exec(lockSpend)); err != nil { // one process at a time
				return err
			}
			stored, open, err := readOwner(ctx, tx.run)
			if err != nil {
				return err
			}
			if err := own.conflict(stored, open); err != nil {
				return err
			}
			return tx.run(ctx, exec(upsertSetting, "account", own.account),
				exec(upsertSetting, "base_url", own.baseURL))
		})
	}
	if err != nil && !errors.Is(err, ErrOtherAccount) {
		return fmt.Errorf("helios: durable: open: the store's account: %w", err)
	}
	return err
}

// conflict says why the store may not be used by o, or nil. open reports
// whether some submission has not ended.
func (o owner) conflict(stored owner, open bool) error {
	switch {
	case stored.account != "" && stored.account != o.account:
		return fmt.Errorf("%w: account %q, not %q; see WithAccount", ErrOtherAccount, stored.account, o.account)
	case stored.baseURL != "" && stored.baseURL != o.baseURL && open:
		return fmt.Errorf("%w: its submissions go to the base URL %s, and the client's is %s",
			ErrOtherAccount, stored.baseURL, o.baseURL)
	default:
		return nil
	}
}

func readOwner(ctx context.Context, run runner) (stored owner, open bool, err error) {
	count := 0
	err = run(ctx,
		query(func(r row) error {
			var name, value string
			err := r.Scan(&name, &value)
			if name == "account" {
				stored.account = value
			} else {
				stored.baseURL = value
			}
			return err
		}, selectOwner),
		query(func(r row) error { return r.Scan(&count) }, countOpen))
	return stored, count > 0, err
}
