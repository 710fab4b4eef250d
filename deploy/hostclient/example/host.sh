#!/bin/sh
# What a host application does, with curl: load clients and contacts, connect, follow the feed, ask
# for webhooks. ENTRASYNC_URL and ENTRASYNC_TOKEN say where and as whom, WEBHOOK_URL where it is told.
set -eu

# METHOD PATH [BODY]
entra() { curl -fsS -X "$1" "$ENTRASYNC_URL$2" -H "Authorization: Bearer $ENTRASYNC_TOKEN" -H 'Content-Type: application/json' ${3:+-d "$3"}; }
# the first text of that name in an answer
field() { grep -o "\"$1\": *\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

# Load the host's records. Each has a result of its own.
entra PUT /api/clients:batch '{"clients": [{"externalId": "sh-1", "name": "Shell Ltd", "website": "shell.example"}]}' >/dev/null
entra PUT /api/contacts:batch '{"contacts": [{"externalId": "sh-p1", "clientExternalId": "sh-1", "fullName": "Ada Shell", "email": "ada@shell.example"}]}' >/dev/null
echo loaded

# Connect: the person's browser signs in at Microsoft and comes back with a code, which the host redeems.
echo "open $(entra POST /api/integrations/entra/connect '{"connectionType": "direct"}' | field authorizeUrl)"
read -r code
entra POST /api/integrations/entra/connect/complete "{\"completionCode\": \"$code\"}" >/dev/null
echo connected

# Begin with a list, whose cursor says where the feed goes on.
cursor=$(entra GET '/api/contacts?pageSize=200' | field changesCursor)
entra PUT /api/contacts:batch '{"contacts": [{"externalId": "sh-p1", "fullName": "Ada S. Shell"}]}' >/dev/null
while :; do
  page=$(entra GET "/api/contacts/changes?cursor=$cursor&waitSeconds=10")
  case $page in *'Ada S. Shell'*) break ;; esac
  cursor=$(printf '%s' "$page" | field nextCursor)
done
echo followed

# Ask for webhooks; the secret is shown once. Libraries of Standard Webhooks verify messages.
made=$(entra PUT /api/webhooks "{\"url\": \"$WEBHOOK_URL\", \"events\": [\"contact.created\", \"sync.run.held\"]}")
echo "secret $(printf '%s' "$made" | field secret)"
entra POST "/api/webhooks/$(printf '%s' "$made" | field id)/test" '{}' | grep -q '"delivered": *true'
echo told
