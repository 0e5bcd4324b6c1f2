#!/usr/bin/env bash
# A stand-in for the shell tool that `workflow workspace` takes the place of, for tests: it does what both have agreed on, in its own way.
#
#   agent-workspace.sh run ID [--workflow NAME] [--base-change CHANGE] [--cleanup] [--no-direnv] -- COMMAND…
#   agent-workspace.sh status [ID] | shell ID | sync-tools ID | clean ID
#
# For jj repositories, and for git ones. Paths may hold anything but a newline at their end.
set -euo pipefail

tools=(agents.just rules scripts)

die() {
    printf 'agent-workspace: %s\n' "$*" >&2
    exit 1
}

if root=$(jj root 2>/dev/null); then
    vcs=jj
elif root=$(git rev-parse --show-toplevel 2>/dev/null); then
    vcs=git
else
    die "neither a jj nor a git repository"
fi
digest=$(printf %s "$root" | sha256sum)
space=${AI_WORKSPACES_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/ai-workspaces}/${root##*/}-${digest:0:10}
source=${AGENT_TOOLS_SOURCE:-$root}

# Sets what belongs to the workspace that is named.
choose() {
    [[ ${1:-} =~ ^[A-Za-z0-9._-]+$ ]] || die "not an id: '${1:-}'"
    id=$1 path=$space/$1
    copy=$path/.agent-tools
    metadata=$copy/.agent-workflow.json
}

registered() {
    if [ $vcs = jj ]; then
        jj workspace list -T 'name ++ "\n"' | grep -Fx -- "$id" >/dev/null # not -q: a reader that leaves early makes jj fail
    else
        [ "$(git -C "$path" rev-parse --show-toplevel 2>/dev/null)" = "$path" ]
    fi
}

need() {
    [ -d "$path" ] || die "there is no workspace $id"
    registered || die "$vcs knows no workspace $id"
}

# Prints the tools' files, each with a NUL behind it. They sort by the parts of their paths: a slash comes before every other character.
files() {
    local tool
    for tool in "${tools[@]}"; do
        if [ -f "$tool" ]; then
            printf '%s\0' "$tool"
        elif [ -d "$tool" ]; then
            find "$tool/" -xtype f -print0 | tr / '\001' | LC_ALL=C sort -z | tr '\001' /
        fi
    done
}

version() (
    cd "$source"
    files | while IFS= read -r -d '' file; do
        printf '%s\0' "$file"
        cat -- "$file"
    done | sha256sum | cut -d ' ' -f 1
)

# sync_tools [force]: the copy is thrown away and made anew, but for the metadata.
sync_tools() {
    local wanted keep="" tool
    wanted=$(version)
    [ "${1:-}" != force ] && [ "$(cat "$copy/.version" 2>/dev/null)" = "$wanted" ] && return
    if [ -f "$metadata" ]; then
        keep=$(mktemp)
        cp "$metadata" "$keep"
    fi
    rm -rf "$copy"
    mkdir -p "$copy"
    echo '*' > "$copy/.gitignore"
    for tool in "${tools[@]}"; do
        if [ -e "$source/$tool" ]; then cp -R "$source/$tool" "$copy/$tool"; fi
    done
    echo "$wanted" > "$copy/.version"
    if [ -n "$keep" ]; then
        cp "$keep" "$metadata"
        rm -f "$keep"
    fi
}

# note STATUS [COMMAND…]: without a command, what was noted before stays.
note() {
    MOMENT=$(date +%Y-%m-%dT%H:%M:%S%:z) ID=$id ROOT=$root WORKSPACE=$path COPY=$copy SOURCE=$source VERSION=$(cat "$copy/.version") \
        WORKFLOW=${workflow:-} BASE=${base:-} DIRENV=${direnv_used:-} python3 - "$metadata" "$@" <<'PYTHON'
import json, os, pathlib, sys

file, status, *command = sys.argv[1:]
at = pathlib.Path(file)
e = os.environ
data = json.loads(at.read_text()) if at.exists() else {}
fresh = {"workspace_id": e["ID"], "repo_root": e["ROOT"], "workspace_path": e["WORKSPACE"], "status": status}
fresh["direnv_allowed"] = e["DIRENV"] == "yes" or data.get("direnv_allowed", False)
fresh["command"] = command or data.get("command", [])
fresh["created_at"] = data.get("created_at", e["MOMENT"])
fresh["updated_at"] = e["MOMENT"]
for key, value in (("workflow", e["WORKFLOW"]), ("base_change", e["BASE"])):
    if value or key in data:
        fresh[key] = value or data[key]
fresh |= {"tools_source": e["SOURCE"], "tools_copy": e["COPY"], "tools_version": e["VERSION"]}
fresh |= {key: value for key, value in data.items() if key not in fresh}
at.write_text(json.dumps(fresh, indent=2) + "\n")
PYTHON
}

add() {
    mkdir -p "$space"
    if [ $vcs = jj ]; then
        jj workspace add --quiet --name "$id" "$path" >&2
        if [ -n "$base" ]; then (cd "$path" && jj edit --quiet "$base" >&2); fi
    else
        git worktree add --quiet --detach "$path" "${base:-HEAD}" >&2
    fi
}

remove() {
    if [ $vcs = jj ]; then
        if registered; then jj workspace forget --quiet "$id" >&2; fi
        rm -rf "$path"
    else
        git worktree remove --force "$path" 2>/dev/null || rm -rf "$path"
        git worktree prune
    fi
}

# inside COMMAND…: in the workspace, with its variables, by way of direnv where it is wanted.
inside() {
    local via=()
    [ "${direnv_used:-}" = yes ] && via=(direnv exec .)
    (
        cd "$path"
        export AGENT_WORKSPACE_ID=$id AGENT_WORKSPACE_PATH=$path AGENT_WORKSPACE_METADATA=$metadata AGENT_WORKSPACE_REPO_ROOT=$root
        export AGENT_TOOL_COPY_ROOT=$copy AGENT_TOOLS_SOURCE=$source AGENT_TOOLS_VERSION
        AGENT_TOOLS_VERSION=$(cat "$copy/.version")
        exec "${via[@]}" "$@"
    )
}

allow_direnv() {
    if [ -e "$path/.envrc" ]; then
        direnv allow "$path/.envrc"
        direnv_used=yes
    fi
}

run() {
    choose "${1:-}"
    shift
    workflow="" base="" direnv_used=""
    local cleanup="" direnv=yes status=0
    while [ $# -gt 0 ]; do
        case $1 in
            --workflow) workflow=$2; shift 2 ;;
            --base-change) base=$2; shift 2 ;;
            --cleanup) cleanup=yes; shift ;;
            --no-direnv) direnv=""; shift ;;
            --) shift; break ;;
            *) die "unknown option $1" ;;
        esac
    done
    [ $# -gt 0 ] || die "no command"
    [ -d "$path" ] && registered || add
    sync_tools
    if [ -n "$direnv" ]; then allow_direnv; fi
    note running "$@"
    inside "$@" || status=$?
    if [ $status = 0 ]; then note done "$@"; else note error "$@"; fi
    if [ -n "$cleanup" ] && [ $status = 0 ]; then remove; fi
    return $status
}

status() {
    if [ $# -gt 0 ]; then
        choose "$1"
        [ -f "$metadata" ] || die "workspace $id has no metadata"
        cat "$metadata"
        return
    fi
    local found file
    found=$(mktemp)
    for file in "$space"/*/.agent-tools/.agent-workflow.json; do
        [ -f "$file" ] || continue
        python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["workspace_id"], d["status"], d.get("workflow","-"))' "$file" >> "$found"
    done
    cat "$found"
    rm -f "$found"
}

verb=${1:-}
[ $# -gt 0 ] && shift
case $verb in
    run) run "$@" ;;
    status) status "$@" ;;
    shell)
        choose "${1:-}"
        need
        allow_direnv
        inside "${SHELL:-/bin/sh}"
        ;;
    sync-tools)
        choose "${1:-}"
        need
        sync_tools force
        note "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["status"])' "$metadata" 2>/dev/null || echo idle)"
        ;;
    clean)
        choose "${1:-}"
        remove
        ;;
    *) die "run, status, shell, sync-tools or clean" ;;
esac
