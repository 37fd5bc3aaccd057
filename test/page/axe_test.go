// SPDX-License-Identifier: Apache-2.0

package page

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The accessibility checker, which is fetched once and kept in the cache.
const (
	axePackage = "axe-core@4.14.1"
	axeSum     = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c" // SHA-256 of axe.min.js
)

// axe is the checker's script. The test is skipped where it cannot be had.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "apisix-certs", axePackage)
	file := filepath.Join(folder, "package", "axe.min.js")
	if _, err := os.Stat(file); err != nil {
		fetchAxe(t, folder)
	}
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(script)); sum != axeSum {
		t.Fatalf("%s is not the one that is known: remove %s", file, folder)
	}
	return string(script)
}

func fetchAxe(t *testing.T, folder string) {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("the accessibility checker is fetched with npm, which is missing: test/tools.sh page installs it on Debian")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("sh", "-c", `"$0" pack --silent "$1" && tar xzf axe-core-*.tgz`, npm, axePackage)
	command.Dir = folder
	if output, err := command.CombinedOutput(); err != nil {
		t.Skipf("the accessibility checker cannot be fetched: %v: %s", err, output)
	}
}

type finding struct {
	ID     string
	Impact string
	Help   string
	Nodes  []struct{ HTML, FailureSummary string }
}

// The checker finds nothing serious, in light and dark, with the list, details, help and nothing at all.
func TestAccessibility(t *testing.T) {
	script := axe(t)
	now := time.Now()
	count := map[string]int{}
	views := 0
	for _, c := range []struct {
		name, query   string
		width, height int64
		keys          []string
	}{
		{"list", "", 1440, 900, nil},
		{"details", "?open=shop/c", 1440, 900, nil},
		{"active row", "", 1440, 900, []string{"j", "j"}},
		{"filtered", "?state=failing,ok&sort=-host", 1440, 900, nil},
		{"nothing", "?q=nothing-like-it", 1440, 900, nil},
		{"help", "", 1440, 900, []string{"?"}},
		{"narrow", "", 390, 844, nil},
		{"narrow details", "?open=shop/b", 390, 844, nil},
	} {
		for _, theme := range []string{"light", "dark"} {
			t.Run(c.name+" "+theme, func(t *testing.T) {
				o := newTab(t, few(now))
				o.size(c.width, c.height)
				o.prefer("prefers-color-scheme", theme)
				o.open(c.query)
				o.press(c.keys...)
				eval[any](o, `Promise.all(document.getAnimations().map((a) => a.finished))`)
				o.do(chromedp.Evaluate[chromedp.Void](script))
				views++
				for _, f := range eval[[]finding](o, `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)`) {
					count[f.Impact]++
					if f.Impact == "serious" || f.Impact == "critical" {
						t.Errorf("%s, %s: %s: %+v", f.Impact, f.ID, f.Help, f.Nodes)
					} else {
						t.Logf("%s, %s: %s: %+v", f.Impact, f.ID, f.Help, f.Nodes)
					}
				}
			})
		}
	}
	fmt.Printf("measure: page_axe views=%d critical=%d serious=%d moderate=%d minor=%d\n", views, count["critical"], count["serious"], count["moderate"], count["minor"])
}
