#!/bin/sh
# Compares every agent card of this project with the one in an OCI registry, byte for byte. Run it from the project's root.
#
#   scripts/verify_registry.sh [CARDS [REGISTRY]]
#
# The registry is $ROPEWAY_OCI_REGISTRY, or localhost:5000. Ends with 1 when a card differs or is not there.
# WORKFLOW names the command when it is not on the PATH.
set -u

workflow=${WORKFLOW:-workflow}
cards=${1:-src/agent_cards}
registry=${2:-${ROPEWAY_OCI_REGISTRY:-localhost:5000}}

if ! command -v "$workflow" >/dev/null; then
    echo "✗ $workflow not found. Install it with: uv tool install ropeway"
    exit 1
fi

echo "=== Registry Verification Report ==="
echo

if ! "$workflow" agent verify --all "$cards" "$registry"; then
    exit 1
fi

echo
echo "=== All agents verified successfully ==="
