package holdfast

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"
)

const (
	// The first delay is drawn below this.
	baseDelay = 250 * time.Millisecond
	capDelay  = 15 * time.Second
	// A `Retry-After` beyond this is left to the caller: a call that sleeps for an hour looks like one that hangs.
	maxRetryAfterSeconds = 60
)

// An attempt of a call.
type attempt struct {
	// Ends with the call, and when the attempt takes too long.
	ctx context.Context
	// Whether an earlier attempt may have been carried out.
	isRepeated bool
}

// withRetries makes a call again after no answer, 408, 429 and 5xx: with full jitter, and not before `Retry-After`. It has
// to be one that may be carried out twice. Fails with the last error, or with that of the context; at once when that error
// asks to wait beyond maxRetryAfterSeconds or the deadline.
func (b *Backend) withRetries(ctx context.Context, call func(attempt) error) error {
	for failures := 0; ; failures++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := b.oneAttempt(ctx, failures > 0, call)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var failure *Error
		if !errors.As(err, &failure) || !failure.mayPass() || failures+1 >= b.attempts {
			return err
		}
		if failure.RetryAfter > maxRetryAfterSeconds*time.Second {
			return err
		}
		delay := backoff(failures)
		if failure.RetryAfter > delay {
			delay = failure.RetryAfter
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < delay {
			return err
		}
		if err := pause(ctx, delay); err != nil {
			return err
		}
	}
}

func (b *Backend) oneAttempt(ctx context.Context, isRepeated bool, call func(attempt) error) error {
	bounded, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return call(attempt{bounded, isRepeated})
}

// mayPass is whether the same call may succeed in a moment: what a server says below 500 will not be different then, but
// for two.
func (e *Error) mayPass() bool {
	switch {
	case e.Status == 0:
		return e.Code == Unreachable
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooManyRequests:
		return true
	}
	return e.Status >= http.StatusInternalServerError
}

// backoff has full jitter: from 0 to a bound that doubles with every failure in a row.
func backoff(failures int) time.Duration {
	bound := capDelay
	if failures < 6 {
		bound = baseDelay << uint(failures)
	}
	// Before Go 1.20 math/rand gives the same numbers in every process.
	drawn, err := rand.Int(rand.Reader, big.NewInt(int64(bound)))
	if err != nil {
		return bound
	}
	return time.Duration(drawn.Int64())
}

func pause(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newID makes a version 4 UUID.
func newID() (string, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]), nil
}
