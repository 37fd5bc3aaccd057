// SPDX-License-Identifier: Apache-2.0

package cluster

// GatewayProxyCRD is the CRD of GatewayProxies of the ingress controller, with as much of the kind as is read.
const GatewayProxyCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gatewayproxies.apisix.apache.org
spec:
  group: apisix.apache.org
  scope: Namespaced
  names: {kind: GatewayProxy, listKind: GatewayProxyList, plural: gatewayproxies, singular: gatewayproxy}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
`
