// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"

	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/controllers/rights"
)

// useReaderOptions adds what the controller's command line tells of readers to what is given here.
func (d *checker) useReaderOptions(theirs *controllers.Options) {
	o := &d.options
	o.MetricsAddr, o.MetricsSecure, o.PageAddr = theirs.MetricsAddr, o.MetricsSecure || theirs.MetricsSecure, cmp.Or(o.PageAddr, theirs.PageAddr)
	theirs.MetricsSecure, theirs.PageAddr = o.MetricsSecure, o.PageAddr
	d.readersKnown = true
}

// readerRights are those that the controller needs beside manifests/rbac, where it asks Kubernetes who reads, and how to give
// them. The chart makes them with the values that set the flags.
func (d *checker) readerRights() ([]rights.Right, string) {
	page, metrics := d.options.AsksReaders()
	mend := ""
	switch {
	case page:
		mend = "upgrade the Helm chart with page.enabled=true and page.service.enabled=true"
	case metrics:
		mend = "upgrade the Helm chart with metrics.secure=true"
	default:
		return nil, ""
	}
	create := []string{"create"}
	return []rights.Right{
			{Group: "authentication.k8s.io", Resource: "tokenreviews", Verbs: create},
			{Group: "authorization.k8s.io", Resource: "subjectaccessreviews", Verbs: create},
		}, mend + ", or kubectl create clusterrolebinding apisix-certs-access --clusterrole=system:auth-delegator --serviceaccount=" +
			d.home.Namespace + ":" + d.home.Name
}
