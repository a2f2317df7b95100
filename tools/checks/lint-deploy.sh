#!/bin/sh
# Lints what is deployed, each kind by its own tool, from the environment named by the first argument: the
# Dockerfile by hadolint, compose files by the Compose Specification's schema, Kubernetes manifests as kustomize
# makes them by the schemas of Kubernetes, and all YAML by yamllint. Nothing of it is run, and nobody is asked.
set -eu
tools=$1/bin
"$tools/hadolint" Dockerfile
"$tools/yamllint" --strict -c tools/checks/yamllint.yaml deploy
for file in deploy/compose/compose.yaml deploy/compose/laptop.yaml; do
    "$tools/check-jsonschema" -q --builtin-schema vendor.compose-spec "$file"
done
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$tools/kubectl" kustomize deploy/kubernetes >"$made"
"$tools/kubernetes-validate" --strict --quiet -k "${KUBERNETES_VERSION:-1.33}" "$made"
echo "Dockerfile, compose files and Kubernetes manifests are as their tools want them."
