// SPDX-License-Identifier: Apache-2.0

// Package controllertest runs the real controller of certificates in the process of a test: on a fake API server, with a
// scripted Vault, a stand-in for APISIX with its TLS port, and a clock that the test moves.
//
//	s := controllertest.New(t)
//	s.Create("web")                 // ApisixCertificate shop/web, for web.example, in Secret web-tls
//	s.Run()                         // until it rests
//	s.Advance(61 * 24 * time.Hour)  // as after a sleep: what came due meanwhile is run, then Run
//	s.Steps()                       // "sign", "update Secret", "PUT ssl", "update status": what was called since the last look
//
// Faults are put between any two calls: Fail, FailNext, Refuse, and those of the Vault and the gateway themselves. Restart
// forgets all memory, as a new process does.
//
// What a fake API server does not know (admission, quotas, rules of the CRD) is put in by Refuse. Watches are there as far as
// certificates and their Secrets go; other objects enqueue nothing, see Enqueue.
package controllertest
