#!/usr/bin/env bash
# Starts this workflow once more: the new run waits in the concurrency group until this one has ended.
# A failure is a warning, not an end: it is tried again after the watch, and the schedule revives the chain.
set -euo pipefail

workflow=${GITHUB_WORKFLOW_REF%@*}
workflow=${workflow##*/}
url=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/actions/workflows/$workflow/dispatches

# The token goes in by a file descriptor: arguments can be seen in the list of processes.
if curl --silent --show-error --fail-with-body --max-time 30 --retry "${RETRIES:-6}" --retry-all-errors \
  --header @<(printf 'Authorization: Bearer %s\n' "$TOKEN") \
  --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
  --data "{\"ref\": \"$GITHUB_REF_NAME\"}" "$url"; then
  echo "started=true" >> "$GITHUB_OUTPUT"
  echo "A successor waits for this run to end."
else
  echo "::warning title=cqs-sheets::No successor could be started; may this job's token do so (actions: write)?"
fi
