// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"

	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/controllers/rights"
)

// useReaderOptions merges the controller's options for the page and the metrics into those of this command line.
func (d *checker) useReaderOptions(parsed *controllers.Options) {
	o := &d.options
	o.MetricsAddr, o.MetricsSecure, o.PageAddr = parsed.MetricsAddr, o.MetricsSecure || parsed.MetricsSecure, cmp.Or(o.PageAddr, parsed.PageAddr)
	parsed.MetricsSecure, parsed.PageAddr = o.MetricsSecure, o.PageAddr
	d.readersKnown = true
}

// readerRights returns the permissions beyond manifests/rbac that the controller needs to authenticate readers of the page and
// the metrics, and how to grant them. The chart grants them with the values that set the flags.
func (d *checker) readerRights() ([]rights.Right, string) {
	page, metrics := d.options.AsksReaders()
	fix := ""
	switch {
	case page:
		fix = "upgrade the Helm chart with page.enabled=true and page.service.enabled=true"
	case metrics:
		fix = "upgrade the Helm chart with metrics.secure=true"
	default:
		return nil, ""
	}
	create := []string{"create"}
	return []rights.Right{
			{Group: "authentication.k8s.io", Resource: "tokenreviews", Verbs: create},
			{Group: "authorization.k8s.io", Resource: "subjectaccessreviews", Verbs: create},
		}, fix + ", or kubectl create clusterrolebinding apisix-certs-access --clusterrole=system:auth-delegator --serviceaccount=" +
			d.home.Namespace + ":" + d.home.Name
}
