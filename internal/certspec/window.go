// SPDX-License-Identifier: Apache-2.0

package certspec

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
	_ "time/tzdata" // the controller's image has no database of its own

	"github.com/robfig/cron/v3"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/note"
)

// window is a parsed renewal window.
type window struct {
	opens cron.Schedule
	open  time.Duration
}

// windowOf parses a window. field is its path for the error.
func windowOf(field string, w v1alpha1.RenewalWindow) (window, *certs.FieldError) {
	bad := func(part, value, problem, fix string) (window, *certs.FieldError) {
		return window{}, &certs.FieldError{Field: field + "." + part, Value: note.Cut(value, 80), Problem: problem, Fix: fix}
	}
	zone := w.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return bad("timeZone", w.TimeZone, "is not a known time zone", "use an IANA name such as Europe/Berlin, or omit it for UTC")
	}
	// The parser would read a zone from the text, and may panic on a truncated one.
	if strings.Contains(w.Cron, "TZ=") {
		return bad("cron", w.Cron, "contains a time zone", "set timeZone instead")
	}
	schedule, err := cron.ParseStandard(w.Cron)
	if err != nil {
		return bad("cron", w.Cron, "is not a valid cron expression", "use minute, hour, day of month, month and day of week, for example 0 2 * * 1-5")
	}
	if spec, ok := schedule.(*cron.SpecSchedule); ok {
		spec.Location = location
	}
	// Any start time shows whether it ever matches.
	if schedule.Next(time.Unix(0, 0)).IsZero() {
		return bad("cron", w.Cron, "never matches", "use a day that exists")
	}
	if w.Duration.Duration <= 0 {
		return bad("duration", w.Duration.Duration.String(), "must be positive", "set how long the window is open, for example 2h")
	}
	return window{schedule, w.Duration.Duration}, nil
}

// windowProblems returns the errors of all windows.
func windowProblems(spec *v1alpha1.ApisixCertificateSpec) []certs.FieldError {
	var found []certs.FieldError
	for i, w := range spec.RenewalWindows {
		if _, problem := windowOf(fmt.Sprintf("renewalWindows[%d]", i), w); problem != nil {
			found = append(found, *problem)
		}
	}
	return found
}

// RenewalWindow returns a function that moves a time into the open or the next window, for certs.Observed. It is nil without
// windows.
func RenewalWindow(spec *v1alpha1.ApisixCertificateSpec, uid string) func(time.Time) time.Time {
	var windows []window
	for i, w := range spec.RenewalWindows {
		if parsed, problem := windowOf(fmt.Sprintf("renewalWindows[%d]", i), w); problem == nil {
			windows = append(windows, parsed)
		}
	}
	if len(windows) == 0 {
		return nil
	}
	return func(at time.Time) time.Time {
		var first time.Time
		for _, w := range windows {
			opens, inside := w.next(at)
			if inside {
				return at
			}
			// Certificates that wait for the same window must not all be renewed when it opens.
			opens = opens.Add(time.Duration(fraction(uid) * float64(w.open)))
			if first.IsZero() || opens.Before(first) {
				first = opens
			}
		}
		return first
	}
}

// next returns when the window around at opened, or when the next one opens.
func (w window) next(at time.Time) (opens time.Time, inside bool) {
	opens = w.opens.Next(at.Add(-w.open))
	if !opens.After(at) {
		return opens, true
	}
	return opens, false
}

// fraction returns a number from 0 to just under 1 that depends only on uid.
func fraction(uid string) float64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return float64(hash.Sum32()) / (1 << 32)
}
