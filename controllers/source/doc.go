// SPDX-License-Identifier: Apache-2.0

// Package source creates ApisixCertificates for annotated source objects: ApisixTls, ApisixRoute, Ingress, Gateway,
// ListenerSet and ApisixUpstream.
//
// Each kind of source has one pure function that returns the certificates that an object requests (kinds.go). One
// reconciler for all kinds compares them with the existing ApisixCertificates, and creates, patches or deletes these.
// It never writes to a source object.
package source
