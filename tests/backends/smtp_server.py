"""A mail server for the tests: aiosmtpd with TLS and a login, which writes what it takes as lines of JSON.

usage: smtp_server.py PORT starttls|implicit|plain CERTIFICATE KEY USER PASSWORD MESSAGES

Every message is parsed by Python's own email package, so that what the tests see is what another program reads.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, mode, certificate, key, user, password, messages = sys.argv[1:]


def authenticate(server, session, envelope, mechanism, login):
    right = (login.login, login.password) == (user.encode(), password.encode())
    # Not handled: the server itself answers 535.
    return AuthResult(success=right, handled=False)


class Taken:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "hello": session.host_name,
            "authenticated": session.authenticated,
            "encrypted": session.ssl is not None or mode == "implicit",
            "headers": [[name, str(value)] for name, value in message.items()],
            "defects": [str(defect) for defect in message.defects],
            "parts": parts,
        }
        with open(messages, "a") as file:
            print(json.dumps(line), file=file)
        return "250 taken"


async def main():
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    login = {"authenticator": authenticate, "auth_required": bool(user)}

    def session():
        if mode == "starttls":
            return SMTP(Taken(), tls_context=tls, require_starttls=True, **login)
        # On a connection that is encrypted from the start aiosmtpd sees no TLS of its own.
        return SMTP(Taken(), auth_require_tls=False, **login)

    server = await asyncio.get_running_loop().create_server(
        session, "127.0.0.1", int(port), ssl=tls if mode == "implicit" else None
    )
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
