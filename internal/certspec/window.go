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

// windowOf parses a window, field naming it in a fault.
func windowOf(field string, w v1alpha1.RenewalWindow) (window, *certs.FieldError) {
	bad := func(part, value, problem, mend string) (window, *certs.FieldError) {
		return window{}, &certs.FieldError{Field: field + "." + part, Value: note.Cut(value, 80), Problem: problem, Fix: mend}
	}
	zone := w.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return bad("timeZone", w.TimeZone, "is no name of a time zone", "write one such as Europe/Berlin, or leave it out for UTC")
	}
	// The parser would take a zone from the text, and may panic on one that is cut short.
	if strings.Contains(w.Cron, "TZ=") {
		return bad("cron", w.Cron, "names a time zone", "write it in timeZone")
	}
	schedule, err := cron.ParseStandard(w.Cron)
	if err != nil {
		return bad("cron", w.Cron, "is no cron expression", "write minute, hour, day of month, month and day of week, such as 0 2 * * 1-5")
	}
	if spec, ok := schedule.(*cron.SpecSchedule); ok {
		spec.Location = location
	}
	// Any time serves to find out whether it ever opens.
	if schedule.Next(time.Unix(0, 0)).IsZero() {
		return bad("cron", w.Cron, "never comes", "name a day that there is")
	}
	if w.Duration.Duration <= 0 {
		return bad("duration", w.Duration.Duration.String(), "is not above zero", "write how long the window is open, such as 2h")
	}
	return window{schedule, w.Duration.Duration}, nil
}

// windowProblems are the faults of all windows.
func windowProblems(spec *v1alpha1.ApisixCertificateSpec) []certs.FieldError {
	var found []certs.FieldError
	for i, w := range spec.RenewalWindows {
		if _, problem := windowOf(fmt.Sprintf("renewalWindows[%d]", i), w); problem != nil {
			found = append(found, *problem)
		}
	}
	return found
}

// RenewalWindow moves a time into the window that is open or opens next, for certs.Observed; nil where there is none.
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
			// Certificates that wait for one window are not all renewed the moment it opens.
			opens = opens.Add(time.Duration(share(uid) * float64(w.open)))
			if first.IsZero() || opens.Before(first) {
				first = opens
			}
		}
		return first
	}
}

// next is when the window opens that at lies in, or the next one after it.
func (w window) next(at time.Time) (opens time.Time, inside bool) {
	opens = w.opens.Next(at.Add(-w.open))
	if !opens.After(at) {
		return opens, true
	}
	return opens, false
}

// share is a number from 0 to just under 1 that depends on uid alone.
func share(uid string) float64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return float64(hash.Sum32()) / (1 << 32)
}
