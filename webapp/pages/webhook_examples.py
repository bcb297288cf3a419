"""What a merchant copies to see the webhook work: one signed purchase, as a shell script and as a Python program. Both run as they stand."""

from __future__ import annotations

import json
from string import Template

PLACEHOLDER = "whsec_…"
"""What stands in place of a secret that is not shown any longer."""

SHELL = Template(r"""SECRET='$secret'
NOW=$$(date +%s)
ID="test-$$NOW"
BODY='{"type": "order.created", "test": true, "timestamp": "'$$(date -u +%Y-%m-%dT%H:%M:%SZ)'",
  "data": {"order_id": "'$$ID'", "customer": {"email": $email},
    "items": [{"product_id": $product, "kind": "primary"}]}}'

KEY=$$(printf %s "$${SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
SIGNATURE=$$(printf %s "$$ID.$$NOW.$$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$$KEY" -binary | openssl base64 -A)

curl -i '$address' \
  -H 'content-type: application/json' \
  -H "webhook-id: $$ID" \
  -H "webhook-timestamp: $$NOW" \
  -H "webhook-signature: v1,$$SIGNATURE" \
  --data-binary "$$BODY"
""")

PYTHON = Template("""# pip install requests standardwebhooks
import json
from datetime import datetime, timezone

import requests
from standardwebhooks import Webhook

SECRET = "$secret"

now = datetime.now(timezone.utc)
key = f"test-{int(now.timestamp())}"
body = json.dumps(
    {
        "type": "order.created",
        "test": True,
        "timestamp": now.isoformat(),
        "data": {
            "order_id": key,
            "customer": {"email": $email},
            "items": [{"product_id": $product, "kind": "primary"}],
        },
    }
)
headers = {
    "content-type": "application/json",
    "webhook-id": key,
    "webhook-timestamp": str(int(now.timestamp())),
    "webhook-signature": Webhook(SECRET).sign(key, now, body),
}
answer = requests.post("$address", data=body, headers=headers, timeout=10)
print(answer.status_code, answer.text)
""")


def shell(address: str, secret: str, email: str, product: str) -> str:
    """For a POSIX shell with curl and openssl."""
    return _filled(SHELL, address, secret, email, product)


def python(address: str, secret: str, email: str, product: str) -> str:
    """For Python with the packages requests and standardwebhooks."""
    return _filled(PYTHON, address, secret, email, product)


def _filled(template: Template, address: str, secret: str, email: str, product: str) -> str:
    return template.substitute(address=address, secret=secret, email=_quoted(email), product=_quoted(product)).rstrip("\n")


def _quoted(text: str) -> str:
    """As JSON and Python both read it, and without what would end a shell's quotation."""
    return json.dumps(text).replace("'", "\\u0027")
