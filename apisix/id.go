// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"fmt"
	"regexp"
)

var idPattern = regexp.MustCompile(`^[a-zA-Z0-9\-_.]{1,64}\z`)

// IDError means that a string is not a valid object id.
type IDError struct{ ID string }

func (e *IDError) Error() string {
	return fmt.Sprintf("id %.80q must be 1 to 64 letters, digits, and characters of \"-_.\", and neither . nor ..", e.ID)
}

// ValidID returns an *IDError where APISIX would reject the id, or, for . and .., treat it as a path. It is stricter than
// APISIX in one case: APISIX accepts a final line feed.
func ValidID(id string) error {
	if !idPattern.MatchString(id) || id == "." || id == ".." {
		return &IDError{ID: id}
	}
	return nil
}
