package helios

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Random events, waits and pauses against small limits. Always: the books balance, no more runs than allowed, no more bytes than allowed
// but for finals that were waited for; and a final that Handle took is there until its time is over, unless it was handed out.
func TestTrackerProperties(t *testing.T) {
	const ttl, maxRuns, maxBytes, names = 10 * time.Second, 4, 4000, 7
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				tr := NewTracker(WithTrackerLimits(maxRuns, maxBytes), WithTrackerTTL(ttl))
				promised := map[string]time.Time{} // finals that Handle took and nobody has, and when the run was last used
				var mu sync.Mutex
				wait := func(ctx context.Context, id string) (*Event, error) {
					last := 0
					e, err := tr.Wait(ctx, id, func(e *Event) {
						assert.Equal(t, id, e.RunID)
						assert.True(t, e.SequenceNumber == 0 || e.SequenceNumber > last, "in order, once")
						last = max(last, e.SequenceNumber)
					})
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						delete(promised, id)
					} else if _, ok := promised[id]; ok && !errors.Is(err, ErrTrackerFull) {
						assert.Fail(t, "a promised final was not there", "%s: %v", id, err)
					}
					return e, err
				}
				look := func(id string) (run trackedRun) {
					tr.mu.Lock()
					defer tr.mu.Unlock()
					if kept := tr.runs[id]; kept != nil {
						run = *kept
					}
					return run
				}
				var full, taken int
				for range 400 {
					id := fmt.Sprint("run-", random.IntN(names))
					number, size := random.IntN(6), 50+random.IntN(1500)
					switch op := random.IntN(20); {
					case op < 9:
						status := []string{"working", "waiting"}[random.IntN(2)]
						if err := tr.Handle(t.Context(), trkEvent(t, id, status, number, size)); err != nil {
							require.ErrorIs(t, err, ErrTrackerFull)
						}
					case op < 13:
						run := look(id)
						known := run.final != nil || run.waiters > 0
						err := tr.Handle(t.Context(), trkEvent(t, id, StatusCompleted, 6+number, size))
						if err != nil {
							require.ErrorIs(t, err, ErrTrackerFull)
							full++
						} else if !known {
							mu.Lock()
							promised[id] = time.Now()
							mu.Unlock()
						}
					case op < 15:
						if _, err := wait(trkCancelled(), id); err == nil {
							taken++
						}
					case op < 17:
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(9000))*time.Millisecond+time.Microsecond)
						go func() { defer cancel(); _, _ = wait(ctx, id) }()
					default:
						time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
					}
					synctest.Wait()
					trkCheck(t, tr)
					mu.Lock()
					for id, since := range promised {
						run := look(id)
						if run.final != nil {
							since = run.used
						}
						promised[id] = since
						if time.Since(since) >= ttl {
							delete(promised, id)
						} else if run.final == nil {
							assert.Fail(t, "an unread final was dropped", id)
						}
					}
					mu.Unlock()
					tr.mu.Lock()
					bounded := tr.bytes
					for _, run := range tr.runs {
						if run.taken {
							bounded -= run.bytes
						}
					}
					tr.mu.Unlock()
					assert.LessOrEqual(t, bounded, int64(maxBytes))
				}
				assert.Positive(t, full, "the seed fills the tracker")
				assert.Positive(t, taken, "the seed reads finals")
				time.Sleep(2 * ttl) // every Wait has ended
				synctest.Wait()
				_, err := tr.Wait(trkCancelled(), "last", nil)
				require.ErrorIs(t, err, context.Canceled)
				assert.Empty(t, tr.runs)
				assert.Zero(t, tr.order.Len())
				assert.Zero(t, tr.bytes)
			})
		})
	}
}
