// SPDX-License-Identifier: Apache-2.0

// Package docs runs the commands that the pages show, on a real API server and a real Vault, and holds the pages to the code.
//
// Every fenced block of sh in a page is run, in the order of the page, with the real kubectl, the built command, and a small
// vault command. One that cannot run here has a comment before it: <!-- not run here: reason -->.
package docs
