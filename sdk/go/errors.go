package holdfast

import (
	"errors"
	"time"
)

// Code says why a call failed; it is constant. Those of the server are in its problem documents; later versions have more.
type Code string

// The codes of what fails on this side.
const (
	// Unreachable: no answer, so that the call may have been carried out or not.
	Unreachable Code = "unreachable"
	// UnexpectedAnswer: an answer that is not of Holdfast.
	UnexpectedAnswer Code = "unexpected-answer"
)

// Error is a call that failed. Take it out of an error with errors.As, or its code with CodeOf.
type Error struct {
	Code Code
	// The HTTP status; 0 when there was no answer.
	Status int
	// The problem document (RFC 9457) that the server sent.
	Problem *Problem
	// How long the answer asks to wait before the call is repeated.
	RetryAfter time.Duration
	message    string
	cause      error
}

func (e *Error) Error() string {
	return "holdfast: " + string(e.Code) + ": " + e.message
}

// Unwrap gives the cause of an Unreachable or an UnexpectedAnswer.
func (e *Error) Unwrap() error {
	return e.cause
}

// CodeOf gives the code of an *Error; empty for any other error, and for nil.
func CodeOf(err error) Code {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}
