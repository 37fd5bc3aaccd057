// SPDX-License-Identifier: Apache-2.0

// Package kubecache is what the controller keeps of the cluster in memory: Trim cuts objects down before a cache keeps them,
// Certificates lists those of the cache without copies, and Secrets follows all Secrets by their names.
//
//	mgr, err := ctrl.NewManager(config, ctrl.Options{Cache: cache.Options{DefaultTransform: kubecache.Trim}})
//	all := kubecache.Certificates(ctx, mgr.GetCache())
//	secrets, err := kubecache.NewSecrets(mgr, nil)
//
// Indexes are those of controller-runtime. What they and the objects cost is in docs/scale.md and decision 30.
package kubecache
