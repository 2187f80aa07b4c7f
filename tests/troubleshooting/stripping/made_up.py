"""Made-up secrets, how they may be written, and what may stand in the middle of one."""

import base64
import html
import random
import re
from pathlib import Path
from urllib.parse import quote, unquote

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def some(length, characters=LETTERS, seed=1):
    return "".join(random.Random(f"{seed} {length} {characters}").choices(characters, k=length))


def token_of(*lengths, seed=1):
    header = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"ins_1"}').decode().rstrip("=")
    return ".".join([header, *(some(length, LETTERS + "-_", seed) for length in lengths)])


SECRETS = {
    "key": f"clapi_{some(64, LETTERS + '-_')}",
    "ghp": f"ghp_{some(36)}",
    "ghpat": f"github_pat_{some(22)}_{some(59)}",
    "glpat": f"glpat-{some(20)}",
    "sk": f"sk-proj-{some(48)}",
    "sklive": f"sk_live_{some(24)}",
    "xoxb": f"xoxb-{some(12, '0123456789')}-{some(13, '0123456789')}-{some(24)}",
    "pypi": f"pypi-{some(60)}",
    "akia": f"AKIA{some(16, LETTERS[:26] + '234567')}",
    "token": some(40),
    "awssecret": some(40, LETTERS + "/+"),
    "aiza": f"AIza{some(35)}",
    "telegram": f"AA{some(33, LETTERS + '-_')}",
    "slackhook": some(24),
    "longtoken": some(60, LETTERS + "-_"),
    "longb64": some(400, LETTERS + "/+"),
    "jwt": token_of(60, 43),
    "jwe": token_of(200, 16, 90, 22),
    "other": some(28),
    "hex": some(32, "0123456789abcdef"),
    "hex2": some(32, "0123456789abcdef", 2),
    "uuid": f"{some(8, '0123456789abcdef')}-4c8d-4b7a-86f5-{some(12, '0123456789abcdef')}",
    "password": "s0mmer2024Katze!x",
    "wordpassword": "sommer-katze-winter",
    "slashpassword": "s0mmer/2024Katze!x",
    "atpassword": "s0mmer@2024Katze!x",
    "phrase": "correct horse battery staple",
    "wordtoken": "amber-falcon-meadow-river",
    "userwords": "me:sommer-katze-winter",
    "esc": "\x1b",
}
SECRETS |= {"keybody": SECRETS["key"][6:], "ghpuser": f"me:{SECRETS['ghp']}"}


def dumped(text, form, offset):
    """Return the bytes of a text as programs show them, 16 a line."""
    rows = [text[at : at + 16] for at in range(0, len(text), 16)]
    return "\n".join(offset.format(16 * number) + form(row.encode()) for number, row in enumerate(rows))


FORMS = {
    "b64": lambda text: base64.b64encode(text.encode()).decode(),
    "url": lambda text: quote(text, safe=""),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "unicode": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "hexescapes": lambda text: "".join(f"\\x{ord(one):02x}" for one in text),
    "rtf": lambda text: "".join(f"\\'{ord(one):02x}" for one in text),
    "octal": lambda text: "".join(f"\\{ord(one):03o}" for one in text),
    "entities": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "hex": lambda text: text.encode().hex(),
    "spaced": " ".join,
    "upper": str.upper,
    "lower": str.lower,
    "capitalized": str.capitalize,
    "decimal": lambda text: ", ".join(str(ord(one)) for one in text),
    "hexbytes": lambda text: ", ".join(f"{ord(one):#x}" for one in text),
    "xxd": lambda text: dumped(text, lambda row: f" {row.hex(' ', -2):39}  {row.decode()}", "{:08x}:"),
    "hexdump": lambda text: dumped(text, lambda row: f"  {row.hex(' '):48}  |{row.decode()}|", "{:08x}"),
    "plaindump": lambda text: dumped(text, lambda row: f"  {row.hex(' ')}", "{:07x}"),
    "od": lambda text: dumped(text, lambda row: "".join(f"   {chr(one)}" for one in row), "{:07o}"),
    "wrap64": lambda text: "\n".join(text[at : at + 64] for at in range(0, len(text), 64)),
}
# What may stand in the middle: of a terminal, a program, a page, a text and a log.
TERMINAL = [
    "\x1b[0m", "\x1b[1;31m", "\x1b[0m\x1b[38;5;9m", "\x1b[K", "^[[31m", "\\u001b[31m", "\\x1b[0m", "\\033[1;31m",
    "\\e[0m", "␛[31m", "\x1b[7m", "\x9b31m", "%1B%5B31m",
]  # fmt: skip
PROGRAM = [
    '" + "', "' + '", "'+'", '" +\n    "', "' . '", '"."', '" .. "', '" & "', '" & _\n    "', '" \\\n  "', '"\n  "',
    "'\n    '", '" || "', '" <> "', '" ++ "', '" ~ "', "` + `", "''", '""', '"^\n"', '" //\n "', "' +\r\n  '",
    '\\" + \\"', "&quot; + &quot;", '", "',
]  # fmt: skip
PAGE = [
    "<wbr>", "<wbr/>", '<span class="x">', "</span><span class='y'>", "<b>", "</b>", "<mark>", "</em><em>", "<br>",
    "&shy;", "&zwnj;", "&zwj;", "&#8203;", "&#x200b;", "&#173;", "&lt;wbr&gt;", "<!-- -->", "<font color=red>",
    "&ZeroWidthSpace;", "</code><code>",
]  # fmt: skip
INVISIBLE = [
    "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u180e", "\ufe0f", "\u202a", "\u202c", "\u2066",
    "\u2069", "\u061c", "\u115f", "\x00", "\x7f", "\x08", "\\u200b", "\\u00ad", "%E2%80%8B", "%C2%AD", "\\u2060",
]  # fmt: skip
LINES = [
    "\n", "\r\n", "\r", "\u2028", "\u0085", "\\\n", "=\n", "=\r\n", "\n> ", "\n>> ", "\n+", "\n-", "\n+ ",
    "\n12 | ", "\n 12: ", "\n12\t", "\n12 ", "\n12. ", "\n[12] ", "\n│ ", "│\n│ ", " |\n| ", "\n# ", "\n// ",
    "\n * ", "\n; ", "\n-- ", "\n    ", "\\n", "\\r\\n", "\\n> ", "\nweb-1  | ", "\n12  + ", "\n+12 ", "\n12-",
    "\n12+", "%0A", "\n\n", " \n ", "\n  \\ ", "\n…", "↵\n", "¬\n", "⏎", "\n0012  ",
]  # fmt: skip
GAPS = [*TERMINAL, *PROGRAM, *PAGE, *INVISIBLE, *LINES]
BROKEN = ("key", "ghp", "sk", "jwt", "ghpat")
_PLACE = re.compile(r"«(\w+)((?:\|\w+)*)»")


def texts_of(name):
    """Return the texts of a file beside this one by their names."""
    parts = re.split(r"(?m)^%%% (.*)\n", Path(__file__).with_name(name).read_text())[1:]
    return dict(zip(parts[::2], (part.removesuffix("\n") for part in parts[1::2]), strict=True))


def filled(template):
    """Return the text of a template, and the secrets in it."""
    secrets = []

    def fill(place):
        text = SECRETS[place[1]]
        if place[1] != "esc":
            secrets.append(text if text[:2] != "me" else text.rpartition(":")[2])
        for form in place[2].split("|")[1:]:
            text = FORMS[form](text)
            if form in {"upper", "lower", "capitalized"}:
                secrets.append(text)
        return text

    return _PLACE.sub(fill, template), secrets


def broken(secret, gap, share=0.4):
    """Return a secret with something in its middle, twice if it is long."""
    first, second = int(len(secret) * share), int(len(secret) * 0.75)
    return f"{secret[:first]}{gap}{secret[first:second]}{gap if len(secret) > 60 else ''}{secret[second:]}"


def parts_of(secret):
    return [secret[at : at + 12] for at in range(len(secret) - 11)]


def forms_of(text, gap=""):
    """Yield the text as whoever gets hold of it might read it."""
    seen = text
    for _ in range(3):
        yield seen
        if gap:
            yield seen.replace(gap, "")
        seen = html.unescape(unquote(seen))
        seen = re.sub(r"\\+u00([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), seen)
    yield re.sub(r"\\x(..)", lambda found: chr(int(found[1], 16)), text) if re.search(r"\\x[0-9a-f]{2}", text) else text
    yield re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), text)
    yield re.sub(r"[^\w-]", "", re.sub(r"\\+([nrt])", "", seen))
    yield re.sub(r"[^\w-]", "", seen)
    for run in re.findall(r"[\w+/-]{16,}", re.sub(r"(?<=[\w+/=-])\n(?=[\w+/=-])", "", text), re.ASCII):
        for cut in range(4):
            padded = run[cut:].replace("-", "+").replace("_", "/")
            yield base64.b64decode(padded[: len(padded) // 4 * 4], validate=False).decode("latin-1")
    yield "".join(chr(int(one) % 256) for one in re.findall(r"(?<!\d)\d{2,3}(?!\d)", text))
    lines = re.sub(r"(?m)^[0-9a-f]{7,8}:?  ?|  .*$", "", text)
    yield bytes.fromhex("".join(re.findall(r"\b(?:[0-9a-f]{2}){1,2}\b", lines))).decode("latin-1")
    for run in re.findall(r"[0-9a-f]{20,}", text):
        yield bytes.fromhex(run[: len(run) // 2 * 2]).decode("latin-1")


def left_of(secrets, text, gap=""):
    """Return the parts of secrets that are left in a text."""
    wanted = {part for secret in secrets for part in parts_of(secret)}
    return sorted({part for form in forms_of(text, gap) for part in wanted if part in form})
