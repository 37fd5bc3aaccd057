// SPDX-License-Identifier: Apache-2.0

// Package kubecache reduces the memory that caches of cluster objects need. Trim removes unused fields before an object is
// cached, Certificates lists the cached ApisixCertificates without copies, and Secrets tracks the names of all Secrets.
//
//	mgr, err := ctrl.NewManager(config, ctrl.Options{Cache: cache.Options{DefaultTransform: kubecache.Trim}})
//	all := kubecache.Certificates(ctx, mgr.GetCache())
//	secrets, err := kubecache.NewSecrets(mgr, nil)
//
// Indexes are those of controller-runtime. For the memory that objects need, see docs/scale.md and decision 30.
package kubecache
