"""Addresses (URLs): none may carry a secret, since addresses are written beside results and into messages."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

#: Names of parameters that carry a secret, such as ``?token=`` or ``&X-Amz-Signature=``.
_SECRET_NAME = re.compile(r"token|key|secret|sig|passw|pwd|auth|cred|session|bearer", re.IGNORECASE)
#: How the tokens of well-known services begin.
_SECRET_VALUE = re.compile(r"(?<![A-Za-z0-9])(?:hf_|sk-|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|AKIA|ASIA)[A-Za-z0-9_-]{8,}")
#: ``user:password@host`` without a scheme, as curl and scp accept it.
_BARE_USER = re.compile(r"[^/@\s:]*:[^/@\s]*@[^/\s]")


def secret_in(address: str) -> str:
    """Return what part of an address can hold a secret, or "" if none does.

    Parameters
    ----------
    address : str
        An address, a path, or a hub id; in any spelling (capitals, blanks around it, percent-encoded).

    Returns
    -------
    str
        Such as ``a user name or a password``: fit for a message, and without the secret.
    """
    plain = address.strip()
    for _ in range(3):  # encoded twice is still found
        plain = unquote(plain)
    plain = plain.strip()
    parts = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)*//([^/?#]*)", plain)
    if (parts is not None and "@" in parts[1]) or (parts is None and _BARE_USER.match(plain)):
        return "a user name or a password"
    if _SECRET_VALUE.search(plain):
        return "an access token"
    if "://" not in plain:
        return ""  # a path may have '?' and '#' in its name
    try:
        split = urlsplit(plain)
    except ValueError:
        return "what cannot be read as an address"
    for query in (split.query, split.fragment, split.fragment.partition("?")[2]):
        for name, _ in parse_qsl(query, keep_blank_values=True, separator="&") + parse_qsl(query, keep_blank_values=True, separator=";"):
            if _SECRET_NAME.search(name):
                return f"a parameter that looks like a secret ('{name[:40]}')"
    return ""
