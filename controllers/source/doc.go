// SPDX-License-Identifier: Apache-2.0

// Package source makes ApisixCertificates from the objects that users write: ApisixTls, ApisixRoute,
// Ingress, Gateway, ListenerSet and ApisixUpstream.
//
// A kind of source differs from the others in one pure function, from the object to what it wants (kinds.go); one
// reconciler does the rest: it compares what is wanted with the ApisixCertificates there are, and creates, patches or
// deletes. It never writes to a source object.
package source
