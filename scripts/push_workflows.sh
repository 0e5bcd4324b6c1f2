#!/bin/sh
# Pushes every workflow below workflows/ to an OCI registry, each named by its file. Run it from the project's root.
#
#   scripts/push_workflows.sh [FOLDER [REGISTRY]]
#
# The registry is $ROPEWAY_OCI_REGISTRY, or localhost:5000. Ends with 1 when something was not pushed.
# WORKFLOW names the command when it is not on the PATH.
set -u

workflow=${WORKFLOW:-workflow}
folder=${1:-workflows}
registry=${2:-${ROPEWAY_OCI_REGISTRY:-localhost:5000}}

if ! command -v "$workflow" >/dev/null; then
    echo "✗ $workflow not found. Install it with: uv tool install ropeway"
    exit 1
fi

echo "=========================================="
echo "Pushing Workflows to Registry"
echo "=========================================="

if ! "$workflow" publish --all "$folder" --registry "$registry"; then
    echo "✗ Not all workflows were pushed"
    exit 1
fi

echo
echo "✓ Workflow push complete"
echo "=========================================="
