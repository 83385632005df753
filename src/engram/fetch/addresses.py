"""Addresses (URLs): none may carry a secret.

The reason is that addresses are written beside results and into messages.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

#: Names of parameters that carry a secret, such as ``?token=`` or ``&X-Amz-Signature=``.
_SECRET_NAME = re.compile(
    (
        r"token|key|secret|sig|passw|passphrase|pwd|auth|cred|session|bearer|"
        r"^(?:pass|pw|code|sas|pat|jwt)$"
    ),
    re.IGNORECASE,
)
#: How the tokens of well-known services begin.
_SECRET_VALUE = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:hf_|sk-|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|AKIA|ASIA|"
    r"AIza)[A-Za-z0-9_-]{8,}|eyJ[A-Za-z0-9_-]{8,1000}\.[A-Za-z0-9_-]+)"
)
#: ``user:password@host`` without a scheme, as curl and scp accept it.
_BARE_USER = re.compile(r"[^/@\s:]*:[^/@\s]*@[^/\s]")
#: What stands before the first slash of the path: behind two slashes as it should be, or behind
#: a scheme and another number of them, as some programs accept.
_HOST = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:+)*//([^/?#]*)")
_LOOSE_HOST = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+:+)+/+([^/?#]*)")
#: An address without a scheme: a host with a point in its name.
_BARE_HOST = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+(?::\d+)?[/?;#]")


def secret_in(address: str) -> str:
    """Return what part of an address can hold a secret, or "" if none does.

    Parameters
    ----------
    address : str
        An address, a path, or a hub id; in any spelling (capitals, blanks
        around it, percent-encoded).

    Returns
    -------
    str
        Such as ``a user name or a password``: fit for a message, and without the secret.
    """
    plain = address.strip()
    for _ in range(3):  # encoded twice is still found
        plain = unquote(plain)
    plain = plain.strip()
    joined = "".join(plain.split())  # blanks do not keep a server's library from reading it
    parts, loose = _HOST.match(joined), _LOOSE_HOST.match(joined)
    if (parts is not None and "@" in parts[1]) or (parts is None and _BARE_USER.match(plain)):
        return "a user name or a password"
    if loose is not None and ":" in loose[1].rpartition("@")[0]:
        return "a user name or a password"
    if _SECRET_VALUE.search(plain):
        return "an access token"
    is_address = loose is not None or parts is not None
    if not (is_address or _BARE_HOST.match(joined)):
        return ""  # a path may have '?' and '#' in its name
    try:
        split = urlsplit(joined)
    except ValueError:
        return "what cannot be read as an address"
    for query in (
        split.query,
        split.fragment,
        split.fragment.partition("?")[2],
        split.path.partition(";")[2],
    ):
        for name, _ in parse_qsl(query, is_address, separator="&") + parse_qsl(
            query, is_address, separator=";"
        ):
            if _SECRET_NAME.search(name):
                return f"a parameter that looks like a secret ('{name[:40]}')"
    return ""
