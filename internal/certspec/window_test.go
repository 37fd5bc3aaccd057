// SPDX-License-Identifier: Apache-2.0

package certspec

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func windows(list ...v1alpha1.RenewalWindow) *v1alpha1.ApisixCertificateSpec {
	return &v1alpha1.ApisixCertificateSpec{RenewalWindows: list}
}

func opens(cron, zone string, d time.Duration) v1alpha1.RenewalWindow {
	return v1alpha1.RenewalWindow{Cron: cron, TimeZone: zone, Duration: metav1.Duration{Duration: d}}
}

func TestRenewalWindow(t *testing.T) {
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	night, weekend := opens("0 2 * * *", "", 2*time.Hour), opens("0 0 * * 6", "", 24*time.Hour)
	for _, c := range []struct {
		name     string
		windows  []v1alpha1.RenewalWindow
		at       string
		from, to string // bounds of the time it is moved to
	}{
		{"inside", []v1alpha1.RenewalWindow{night}, "2026-01-02T03:00:00Z", "2026-01-02T03:00:00Z", "2026-01-02T03:00:00Z"},
		{"as it opens", []v1alpha1.RenewalWindow{night}, "2026-01-02T02:00:00Z", "2026-01-02T02:00:00Z", "2026-01-02T02:00:00Z"},
		{"as it closes", []v1alpha1.RenewalWindow{night}, "2026-01-02T04:00:00Z", "2026-01-03T02:00:00Z", "2026-01-03T04:00:00Z"},
		{"before", []v1alpha1.RenewalWindow{night}, "2026-01-02T01:00:00Z", "2026-01-02T02:00:00Z", "2026-01-02T04:00:00Z"},
		{"the nearest of two", []v1alpha1.RenewalWindow{weekend, night}, "2026-01-02T05:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"},
		{"inside of one", []v1alpha1.RenewalWindow{night, weekend}, "2026-01-03T12:00:00Z", "2026-01-03T12:00:00Z", "2026-01-03T12:00:00Z"},
		{"of another zone", []v1alpha1.RenewalWindow{opens("0 2 * * *", "America/New_York", time.Hour)}, "2026-01-02T03:00:00Z", "2026-01-02T07:00:00Z", "2026-01-02T08:00:00Z"},
		{"by name", []v1alpha1.RenewalWindow{opens("@daily", "", time.Hour)}, "2026-01-02T03:00:00Z", "2026-01-03T00:00:00Z", "2026-01-03T01:00:00Z"},
	} {
		for i := range 20 {
			moved := RenewalWindow(windows(c.windows...), fmt.Sprint(i))(at(c.at))
			if moved.Before(at(c.from)) || moved.After(at(c.to)) {
				t.Errorf("%s: moved to %s", c.name, moved)
			}
		}
	}
	if RenewalWindow(windows(), "uid") != nil {
		t.Error("a window where there is none")
	}
}

func TestWindowProblems(t *testing.T) {
	for _, c := range []struct {
		window v1alpha1.RenewalWindow
		field  string
	}{
		{opens("2 o'clock", "", time.Hour), "cron"},
		{opens("0 25 * * *", "", time.Hour), "cron"},
		{opens("0 0 30 2 *", "", time.Hour), "cron"},
		{opens("TZ=UTC 0 2 * * *", "", time.Hour), "cron"},
		{opens("CRON_TZ=0", "", time.Hour), "cron"},
		{opens("0 2 * * *", "Middle/Earth", time.Hour), "timeZone"},
		{opens("0 2 * * *", "Local", time.Hour), "timeZone"},
		{opens("0 2 * * *", "", 0), "duration"},
	} {
		problems := windowProblems(windows(opens("@daily", "", time.Hour), c.window))
		if len(problems) != 1 || problems[0].Field != "renewalWindows[1]."+c.field || problems[0].Fix == "" {
			t.Errorf("%+v: %v", c.window, problems)
		}
	}
}
