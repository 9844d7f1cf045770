"""What the document shows of registrations."""

from typing import Any

EVENTS = ["invoice-ready", "subscription-updated", "test-created"]
REQUEST: dict[str, Any] = {
    "webhookUrl": "https://erp.partner.example/hooks",
    "webhookEvents": ["subscription-updated", "test-created"],
}
REGISTRATION: dict[str, Any] = {
    "SubscriberId": "4a6f2a0c-3c39-4b0e-8f43-1f8f9f0a6d11",
    "WebhookUrl": REQUEST["webhookUrl"],
    "WebhookEvents": REQUEST["webhookEvents"],
    "SignatureTokenToMsSignatureHeader": False,
}
SENT = {"correlationId": "04af2aea-d413-42db-824e-f328001484d1"}
RESULT: dict[str, Any] = {
    "correlationId": "04af2aea-d413-42db-824e-f328001484d1",
    "partnerId": "1234567",
    "status": "completed",
    "callbackUrl": "https://erp.partner.example/hooks",
    "results": [
        {"responseCode": "OK", "responseMessage": "", "systemError": False, "dateTimeUtc": "2026-11-20T12:00:01Z"}
    ],
}
