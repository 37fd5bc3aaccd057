// SPDX-License-Identifier: Apache-2.0

package metrics

// For tests of other packages' eyes.
const Prefix = prefix

var Use = use
