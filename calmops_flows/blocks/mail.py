"""A Prefect block that sends notifications by e-mail, over any SMTP server."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from typing import Literal

from prefect.blocks.abstract import NotificationBlock, NotificationError
from prefect.utilities.asyncutils import sync_compatible
from pydantic import Field, SecretStr


class CalmopsMail(NotificationBlock):
    """An SMTP server and the people who are told.

    Attributes
    ----------
    host, port : str, int
        Address of the SMTP server.
    security : {"starttls", "tls", "none"}
        How the connection is protected.
    username, password : str or None, SecretStr or None
        Who logs in; without a name nobody does.
    sender : str
        Address that the mail comes from.
    recipients : list of str
        Addresses that it goes to.
    timeout_seconds : float
        How long each answer of the server is waited for.

    Examples
    --------
    Save it once, then name ``calmops-mail/ops`` in the spec's ``notify``::

        from calmops_flows.blocks import CalmopsMail

        CalmopsMail(
            host="mail.example.org", sender="calmops@example.org", recipients=["me@example.org"]
        ).save("ops")
    """

    _block_type_name = "CalmOps Mail"
    _block_type_slug = "calmops-mail"
    _description = "Sends notifications by e-mail, over any SMTP server."

    host: str = Field(title="Host", description="Name of the SMTP server.")
    port: int = Field(default=587, gt=0, lt=65536, title="Port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", title="Security", description="`none` sends passwords in the clear."
    )
    username: str | None = Field(default=None, title="User name")
    password: SecretStr | None = Field(default=None, title="Password")
    sender: str = Field(title="Sender", description="Address that the mail comes from.")
    recipients: list[str] = Field(title="Recipients", min_length=1)
    timeout_seconds: float = Field(default=10.0, gt=0, title="Timeout in seconds")

    @sync_compatible
    async def notify(self, body: str, subject: str | None = None) -> None:
        """Send one mail.

        Raises
        ------
        NotificationError
            If the server does not take it.
        """
        await asyncio.to_thread(self._send, self._mail(body, subject))

    def _mail(self, body: str, subject: str | None) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Subject"] = subject or "CalmOps"
        mail.set_content(body)
        return mail

    def _send(self, mail: EmailMessage) -> None:
        try:
            with self._connect() as server:
                if self.username:
                    word = self.password.get_secret_value() if self.password else ""
                    server.login(self.username, word)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException) as err:
            # The server's words may quote addresses; the kind of the failure does not.
            raise NotificationError(f"mail not sent: {type(err).__name__}") from err

    def _connect(self) -> smtplib.SMTP:
        seconds = self.timeout_seconds
        if self.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=seconds, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=seconds)
        if self.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        return server
