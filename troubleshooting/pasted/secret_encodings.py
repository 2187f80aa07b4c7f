"""How secrets are written in pasted text when they are encoded or put in later: what is decoded, bytes and variables.

``secret_patterns`` has the rules for all of these patterns.
"""

import re

_FLAGS = re.IGNORECASE | re.ASCII
# Whose output a shell puts in; what is only printed may be a secret, unless it is a variable.
PROGRAM = r"(?!(?:echo|printf)(?! (?:-\w+ |'?%s'? )?[\"']?(?:\$|\Z)))[a-z][\w-]{0,20} "
# As SAS, ColdFusion, cmd, Power Automate and Nushell write a variable; passwords may begin like this, tokens don't.
RARER = (
    r"&\w{0,20}(?:key|token|auth|secret)\w{0,20}\.?(?![\w+/=-])|@(?:\{|[a-z]{1,30}\()|\(\$|#[a-z][\w.]{0,40}#|"
    r"!\w{1,40}!|\([A-Za-z_][\w.]{0,40}\)(?=[\"'])"
)
# A variable with an operator of the shell's, and the content of a file.
EXPANSION = (
    r"\$\{!?\w+(?:\[[^\]{}\r\n]{1,40}\])?(?::?\?[^{}\r\n]*|:?[=+-]\$\{?\w+\}?|"
    r"(?:[%#/^,@]|:(?![=+-]))[^{}\w\r\n]*(?:\w{1,9}[^{}\w\r\n]+)*\w{0,9})?\}|\$\(<[^()\r\n]*\)"
)
# What a template fills in, also between conditions.
FILLED = (
    r"(?:[#$@]?\{{1,3}[\w .,;|$:()'\"`\[\]>?!/~-]+\}+|\{%[^%{}\r\n]+%\}|<[%?][^<>\r\n]+[%?]>)+|"
    r"@[a-z]{1,30}\([\w ,'\[\]?/-]*\)[\w.?'\[\]]*"
)
# The net: text is read with what is encoded in it decoded, as often as it was encoded, and without what a terminal, a
# page or a program puts between its characters: codes of colors, tags, what joins two strings, what nobody sees.
_INVISIBLE = (
    r"\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufe00-\ufe0f\ufeff"
)
_AMP = r"&(?:amp;){0,4}"
_QUOTE = r"(?:\\{0,8}[\"'`]|&(?:amp;)?(?:quot|#39);)"
ENCODED = re.compile(
    r"(?:(?:[\x1b\u241b]|\\{1,4}(?:u00|x)1b|\\{1,4}(?:033|e)|\^\[|%1b)(?:\[|%5b)|\x9b)[0-9;?]{0,16}[a-z]"
    # A link in a terminal, to an address that can't be secret itself.
    r"|(?:[\x1b\u241b]|\\{1,4}(?:u00|x)1b|\\{1,4}(?:033|e)|\^\[)\]8;;[a-z:/.-]{0,99}"
    r"(?:\x07|[\x1b\u241b]\\|\\{1,4}(?:u00|x)1b\\{1,2}|\\{1,4}(?:033|e)\\{1,2}|\\a)"
    r"|(?:<|&lt;)(?:/?(?:span|wbr|b|i|u|s|em|strong|mark|code|font|br)\b[^<>&]{0,99}|!--[^<>&]{0,99})(?:>|&gt;)"
    rf"|(?<=[\w+/=: -]){_QUOTE}[ \t\r\n]{{0,40}}(?:\+\+?|\.\.?|&(?: _)?|\|\||<>|[~^]|\\\r?\n|//[ ]?\n)[ \t\r\n]{{0,40}}"
    rf"{_QUOTE}(?=[\w+/=-])|(?<=[\w+/=-]){_QUOTE}[ \t]{{0,9}}\r?\n[ \t]{{0,40}}[bfru]?{_QUOTE}"
    rf"(?=[\w+/=-]{{1,200}}[\"'](?![ ]?[:=]))"
    r"|(?<=[\w-])\\\r?\n(?=[\w-]{1,70}\")"  # as a shell joins lines between double quotes
    r"|%(?:25){0,4}(?:e2%(?:25){0,4}80%(?:25){0,4}8[b-f]|c2%(?:25){0,4}ad)|\\{1,8}u(?:20[0-6][0-9a-f]|feff)"
    rf"|{_AMP}(?:shy|zwn?j|ZeroWidthSpace|#820[3-7]|#x200[b-f]);"
    r"|%(?:25){0,4}([0-9a-f]{2})|\\{1,8}(?:u00|x|'(?=[0-9a-f]{2}\\'[0-9a-f]{2})|(?<=\\'[0-9a-f]{2}\\)')([0-9a-f]{2})"
    rf"|{_AMP}#x0{{0,4}}([0-9a-f]{{2}});|{_AMP}#0{{0,4}}([0-9]{{2,3}});|{_AMP}(quot|apos|nbsp|lt|gt);"
    r"|\\{1,8}([01][0-7]{2})|\\{1,8}([nrtfv\"'/_-])"
    r"|([\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000])|([\u0085\u2028\u2029])"
    rf"|[{_INVISIBLE}]{{1,99}}",
    _FLAGS,
)
# Base64 of how a key or token begins, at each place where it may, and its bytes; a dump of any bytes.
_BYTES = r"[ ]{1,2}[0-9a-fA-F]{2}(?:[ ]{0,2}[0-9a-fA-F]{2}){7,31}|(?:[ ]{3}[ -~]|[ ]{2}\\[a-z0]|[ ][0-7]{3}){8,16}"
IN_BYTES = re.compile(
    r"(?:Y2xhcGlf|Y2xleHRf|NsYXBpX|NsZXh0X|jbGFwaV[89]|jbGV4dF[89]|ZXlKaGJHY2lP|lKaGJHY2lP|ZXlKMGVYQWlP)[\w+/=-]{4,}"
    r"(?:[\r\n]+[ \t]*[\w+/-]{8,}={0,2}(?![\w:]))*"
    r"|\b(?:99[,\s]{1,9}108[,\s]{1,9}(?:97[,\s]{1,9}112[,\s]{1,9}105|101[,\s]{1,9}120[,\s]{1,9}116)[,\s]{1,9}95|"
    r"0x63[,\s]{1,9}0x6[cC][,\s]{1,9}0x6[15][,\s]{1,9}0x7[08][,\s]{1,9}0x[67][94][,\s]{1,9}0x5[fF])"
    r"(?:[,\s]{1,9}(?:0x[0-9a-fA-F]{2}|[0-9]{1,3})\b){4,}"
    rf"|(?<![^\n])[ \t]{{0,8}}[0-9a-fA-F]{{7,8}}:?((?:{_BYTES})(?![^ \n|])[^\n]{{0,99}}"
    r"(?:\n[ \t]{0,8}[0-9a-fA-F]{7,8}:?[ ]{1,3}[!-~][^\n]{0,150})*)",
    re.ASCII,
)
