"""What can be wrong with the header of a request, and with how its body is sent: in words, by name."""

from collections.abc import Mapping

from cleanlist.secret_formats import KEY_LENGTH
from troubleshooting.body.sending import BODY_MISTAKES
from troubleshooting.topic import HeaderMistake

RIGHT = "Authorization: Bearer clapi_…"


_SEND_IT = f"Send the header {RIGHT}."
_MISTAKES = (
    HeaderMistake("missing", "The request has no Authorization header", "Nothing identifies the caller.", _SEND_IT),
    HeaderMistake(
        "in_url",
        "The key is in the address",
        "Cleanlist reads no key from the address, which ends up in logs.",
        f"Send the header {RIGHT} instead. Revoke the key if it was sent like this, and create a new one.",
    ),
    HeaderMistake(
        "misnamed",
        "The header with the key isn't named Authorization",
        "Cleanlist only reads the header Authorization, spelled exactly like this.",
        "Write Authorization as the header's name.",
    ),
    HeaderMistake(
        "plain_http",
        "The address begins with http://",
        "Cleanlist refuses plain HTTP, and anyone on the way can read the key.",
        "Write https:// instead. If it was sent like this, revoke the key and create a new one.",
    ),
    HeaderMistake(
        "x_api_key",
        "The key is in X-API-Key, which Cleanlist doesn't read",
        "Cleanlist only reads the Authorization header.",
        f"Send the header {RIGHT} instead.",
    ),
    HeaderMistake(
        "other_header",
        "The key is in a header that Cleanlist doesn't read",
        "Cleanlist only reads the Authorization header.",
        f"Send the header {RIGHT} instead.",
    ),
    HeaderMistake(
        "basic",
        "The request uses basic auth",
        "Cleanlist doesn't accept a username and password or curl's -u.",
        f"Send the header {RIGHT} instead.",
    ),
    HeaderMistake(
        "no_bearer",
        "The word Bearer is missing",
        "The key directly follows the header name.",
        "Put the word Bearer and one space before the key.",
    ),
    HeaderMistake(
        "scheme",
        "The word before the key isn't Bearer",
        "Cleanlist only reads Bearer credentials.",
        "Write Bearer instead of the word before the key.",
    ),
    HeaderMistake(
        "no_space",
        "There is no space between Bearer and the key",
        "Without the space, Cleanlist reads them as one word.",
        "Put one space between Bearer and the key.",
    ),
    HeaderMistake(
        "sign",
        "There is a colon or another sign after Bearer",
        "Cleanlist reads the word and the sign as one word.",
        "Remove the sign: Bearer, one space and the key.",
    ),
    HeaderMistake(
        "brackets",
        "There are brackets around the key",
        "They're sent as part of the key.",
        "Remove them, such as < and >.",
    ),
    HeaderMistake(
        "empty",
        "Nothing follows the word Bearer",
        "The variable with the key is probably empty.",
        "Set it, for example with export CLEANLIST_API_KEY=…, in the shell or process that sends the request.",
    ),
    HeaderMistake(
        "unset",
        "The header says undefined, None or null in place of the key",
        "The variable with the key had no value where the request was made.",
        "Set it, for example with export CLEANLIST_API_KEY=…, in the shell or process that sends the request.",
    ),
    HeaderMistake(
        "no_value",
        "None, null or undefined is written in place of the key",
        "The program says so itself, so it never sends a key.",
        "Write the variable with the key in its place.",
    ),
    HeaderMistake(
        "object_key",
        "The header says [object Object] in place of the key",
        "The program joined an object to the word Bearer, not the key in it.",
        "Use the object's field with the key.",
    ),
    HeaderMistake(
        "unexpanded",
        "The variable wasn't expanded",
        "Inside single quotes, variables aren't expanded, so the variable's name is sent instead of the key.",
        "Put the header in double quotes.",
    ),
    HeaderMistake(
        "template",
        "The variable wasn't expanded",
        "JavaScript only replaces ${…} between backticks, so the text itself is sent instead of the key.",
        "Put the header's value between backticks: `Bearer ${key}`.",
    ),
    HeaderMistake(
        "f_string",
        "The variable wasn't expanded",
        "Python only replaces {…} in a literal that begins with f, so the text itself is sent instead of the key.",
        'Put an f in front of the header\'s value: f"Bearer {key}".',
    ),
    HeaderMistake(
        "swift",
        "The variable wasn't expanded",
        "Swift only replaces \\(…), with a backslash, so the text itself is sent instead of the key.",
        'Write a backslash in front of the bracket: "Bearer \\(apiKey)".',
    ),
    HeaderMistake(
        "interpolated",
        "The variable wasn't expanded",
        "C# only replaces {…} in a literal that begins with $, so the text itself is sent instead of the key.",
        'Put a $ in front of the header\'s value: $"Bearer {key}".',
    ),
    HeaderMistake(
        "unformatted",
        "The placeholder %s wasn't replaced",
        "Nothing formats the header's value, so the text itself is sent instead of the key.",
        'Put the key in: "Bearer %s" % key in Python, fmt.Sprintf("Bearer %s", key) in Go.',
    ),
    HeaderMistake(
        "escaped",
        "The variable wasn't expanded",
        "A backslash in front of $ makes it an ordinary character, so the variable's name is sent instead of the key.",
        "Remove the backslash.",
    ),
    HeaderMistake(
        "makefile",
        "The variable wasn't expanded",
        "To make, $ and one letter are a variable, so it reads $CLEANLIST_API_KEY as $C and LEANLIST_API_KEY.",
        "Write $$CLEANLIST_API_KEY or $(CLEANLIST_API_KEY).",
    ),
    HeaderMistake(
        "odd_blank",
        "The character after Bearer isn't an ordinary space",
        "A no-break space or one like it came along when it was copied. Only an ordinary space ends the word.",
        "Delete it and type a space.",
    ),
    HeaderMistake(
        "curly_quotes",
        "The quotes around the header are typographic",
        "Bash and its like don't take “ and ” for quotes, so the header ends at its first space, without the key.",
        'Replace them with straight quotes: -H "Authorization: Bearer …".',
    ),
    HeaderMistake(
        "swapped",
        "The header's name and value are swapped",
        "setValue takes the value first, so no header is named Authorization.",
        'Swap them: setValue("Bearer …", forHTTPHeaderField: "Authorization").',
    ),
    HeaderMistake(
        "no_cors",
        'mode: "no-cors" removes the Authorization header',
        "In this mode, browsers send no header of that kind, and hide the answer from the page.",
        "Remove the mode, and send the request from a server: anyone can read a key that is in a page.",
    ),
    HeaderMistake(
        "header_option",
        "The headers aren't sent",
        "The option is called headers. One called header is ignored.",
        "Write headers instead of header.",
    ),
    HeaderMistake(
        "headers_unused",
        "The headers are never sent",
        "The request isn't given the headers that the program puts together.",
        "Give them to the call: headers=headers in Python, fetch(url, {headers}) in JavaScript.",
    ),
    HeaderMistake(
        "no_variable",
        "The variable with the key isn't set",
        "The program stopped because its environment has no such variable.",
        "Set it, for example with export CLEANLIST_API_KEY=…, in the shell or process that runs the program.",
    ),
    HeaderMistake(
        "twice",
        "The word Bearer is there twice",
        "Cleanlist takes the second one for the key.",
        "Remove one of them: the program may add the word itself, or it's stored with the key.",
    ),
    HeaderMistake(
        "bearer_or_space",
        "The word Bearer or the space after it is missing",
        "The key isn't preceded by the word Bearer and a space.",
        "Put the word Bearer and one space before the key.",
    ),
    HeaderMistake(
        "masked",
        "This is how lists show a key, not the key itself",
        "Its middle is left out.",
        "Copy the complete key from where it's stored. If it isn't stored anywhere, revoke it and create a new one.",
    ),
    HeaderMistake(
        "stand_in",
        "A placeholder is in place of the key",
        "The example text was sent as is.",
        "Replace it with your own key, preferably from an environment variable.",
    ),
    HeaderMistake(
        "extension",
        "This is a browser extension key (clext_…)",
        "It isn't valid for the API.",
        "Use an API key, which starts with clapi_.",
    ),
    HeaderMistake(
        "prefix",
        "The key doesn't start with clapi_",
        "Cleanlist API keys do. This may be another service's key, or only part of a key.",
        "Copy the complete key again from where it's stored.",
    ),
    HeaderMistake(
        "quotes",
        "There are quotes around the key",
        "They're sent as part of the key.",
        "Remove the quotes inside the header.",
    ),
    HeaderMistake(
        "spaces",
        "There is a space or a line break in the key",
        "Anything after it is cut off or sent as part of the key.",
        "Copy the key again without spaces or line breaks.",
    ),
    HeaderMistake(
        "characters",
        "The key contains an invalid character",
        "API keys contain only letters, digits, - and _.",
        "Copy only the complete key again.",
    ),
    HeaderMistake(
        "dash",
        "The key contains “\u2013”, a dash instead of a hyphen",
        "A word processor or a chat turned the hyphen into a dash, and a header can't hold that character.",
        "Write - in its place, or copy the key from where it's stored.",
    ),
    HeaderMistake(
        "shortened",
        "The key is shortened",
        "It contains “…”, as the console and the portal show a key, and a header can't hold that character.",
        "Use the complete key, which is shown once. If it isn't stored anywhere, create a new one.",
    ),
    HeaderMistake(
        "unsendable",
        "The header holds a character that can't be sent",
        "The client stopped before sending it. Most often there's a line break after the key, from a file or a "
        "variable, or a character that came along when it was copied.",
        "Remove blanks and line breaks around the key, for example with key.strip(), or copy it again.",
    ),
    HeaderMistake(
        "session_token",
        "Key management doesn't accept API keys",
        "/api/v1/api-keys needs the session token of someone who is signed in to Cleanlist; an API key gets 401.",
        "Create and revoke keys in this console or in the portal, or send a session token.",
    ),
    HeaderMistake(
        "expired_session",
        "The session token has expired",
        "A session token lives about a minute, even while its owner is still signed in.",
        "Get a new one right before each call. Where the endpoint takes one, an API key is simpler.",
    ),
    HeaderMistake(
        "headers_unsent",
        "The headers aren't sent",
        "axios.get and axios.delete take the options as their second argument and ignore a third one.",
        "Put the options second: axios.get(url, {headers: …}).",
    ),
    HeaderMistake(
        "headers_unnamed",
        "The headers aren't sent as headers",
        "In requests, the second argument of get is the address's parameters, and that of post is the body.",
        "Name the argument: headers=….",
    ),
    HeaderMistake(
        "length",
        "The key is incomplete",
        f"An API key has {KEY_LENGTH} characters.",
        "Copy the complete key again. If it isn't stored anywhere else, revoke it and create a new one.",
    ),
)
MISTAKES: Mapping[str, HeaderMistake] = {slip.name: slip for slip in (*_MISTAKES, *BODY_MISTAKES)}
PLAIN_HTTP = "plain_http"
OF_BODY = {slip.name for slip in BODY_MISTAKES}
COPIED_WRONG = {"prefix", "spaces", "characters", "length"}  # what copying the key again mends
UNKNOWN_HEADER = "The header is masked, or from a variable, a file or a command, so it can't be checked"
IF_UNKNOWN = (
    f"What is sent must be exactly {RIGHT}. If a variable has only the key, put the word Bearer and a space before it."
)
GOOD = "good"  # the header was looked at, and nothing is wrong with it
