#!/bin/sh
# Fills an OCI registry from this project: agent cards first, then workflows. Run it from the project's root.
#
#   scripts/bootstrap.sh [CARDS [WORKFLOWS]]
#
# The registry is $ROPEWAY_OCI_REGISTRY, or localhost:5000. Ends with 1 when something was not pushed, or no registry runs there.
# WORKFLOW names the command when it is not on the PATH.
set -u

workflow=${WORKFLOW:-workflow}
registry=${ROPEWAY_OCI_REGISTRY:-localhost:5000}

if ! command -v "$workflow" >/dev/null; then
    echo "✗ $workflow not found. Install it with: uv tool install ropeway"
    exit 1
fi

if ! "$workflow" registry bootstrap --registry "$registry" --cards "${1:-src/agent_cards}" --workflows "${2:-workflows}"; then
    echo "✗ The registry is not filled"
    exit 1
fi

echo
echo "✓ The registry is ready"
echo "  - Registry: $registry"
echo "  - Agent cards and workflows pushed to registry"
