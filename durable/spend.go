package durable

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/heliosai/helios-go"
)

// The documented prices of a run, in millionths of a dollar.
//
// See https://docs.heliosai.health/api-reference/ehr-agent
var prices = map[string]int64{
	string(helios.AgentLight): 650_000,
	string(helios.AgentDeep):  3_500_000,
	agentLabResults:           650_000,
}

const dollar = 1_000_000

// Price returns the documented price of a run of an agent type, in US dollars.
// It is what [WithSpendLimit] counts with. known is false, and usd 0, for an
// agent type that the documentation does not name.
func Price(agent string) (usd float64, known bool) {
	price, known := prices[agent]
	return float64(price) / dollar, known
}

const (
	// An update, for its lock on the row: what was spent is counted and spent
	// by one transaction at a time.
	lockSpend = `UPDATE {sweeps} SET swept_at = swept_at WHERE name = 'spend'`
	// A reference is one run, accepted or possible, however often it was sent.
	countSpent = `SELECT agent, count(*) FROM {references} WHERE spent_at > $1 GROUP BY agent`
	spend      = `INSERT INTO {references} (reference, key, created_at, agent, spent_at) VALUES ($1, $2, $3, $4, $3)
		ON CONFLICT (reference) DO UPDATE SET spent_at = excluded.spent_at, agent = excluded.agent`
	// The attempt certainly was not accepted.
	unspend = `UPDATE {references} SET spent_at = NULL WHERE reference = $1 AND run_id IS NULL`

	reasonSpend = "the spend limit is reached; sending continues when enough time has passed or the limit is raised"
)

// WithSpendLimit sends nothing that would bring the cost of the runs in the
// last per, 24 hours say, above usd dollars, at the documented prices: 0.65 for
// light and lab-results, 3.50 for deep. What was accepted or may have been
// counts, whoever sent it, and so does a second run that the service has
// started for one request; what would exceed the limit stays queued. It is sent
// when enough time has passed or the limit is raised; [Engine.Stats] shows that
// it waits. All processes should have the same limit.
//
// It is a limit on what this store sends, not on the account: what others
// submit is not seen, and the vendor's prices may change.
func WithSpendLimit(usd float64, per time.Duration) Option {
	return func(c *config) error {
		if !(usd > 0) || math.IsInf(usd, 0) || usd > math.MaxInt64/dollar/2 || per <= 0 {
			return errors.New("helios: durable: WithSpendLimit: must be positive")
		}
		c.spendLimit, c.spendPer = int64(math.Round(usd*dollar)), per
		return nil
	}
}

// Spend is what the store's runs have cost in the period of [WithSpendLimit].
type Spend struct {
	// Limit and Spent are in dollars; zero without a limit.
	Limit float64 `json:"limit"`
	Spent float64 `json:"spent"`
	// Per is the period that they cover.
	Per time.Duration `json:"per"`
	// Waiting is how many queued submissions are of agent types that the limit
	// keeps from being sent.
	Waiting int `json:"waiting"`
}

// affordable reports whether a run of agent stays within the limit, in a
// transaction that keeps others from spending meanwhile.
func (e *Engine) affordable(ctx context.Context, tx transaction, agent string, now time.Time) (bool, error) {
	if e.spendLimit == 0 {
		return true, nil
	}
	var spent int64
	if err := tx.run(ctx, exec(lockSpend)); err != nil {
		return false, err
	}
	if err := tx.run(ctx, e.countSpent(&spent, now)); err != nil {
		return false, err
	}
	return spent+prices[agent] <= e.spendLimit, nil
}

// countSpent sums up what was spent in the time of the limit.
func (e *Engine) countSpent(spent *int64, now time.Time) *statement {
	return query(func(r row) error {
		var agent string
		var runs int64
		err := r.Scan(&agent, &runs)
		*spent += runs * prices[agent]
		return err
	}, countSpent, micros(now.Add(-e.spendPer)))
}
