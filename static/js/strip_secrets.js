// Takes secrets out of pasted text, in the browser. dashboard/troubleshooting/stripping.py does the same; change both.
const stripSecrets = (() => {
  const QUOTES = "((?:\\\\?['\"]|[`\u2018\u2019\u201c\u201d])*)";
  const HEADER = /(['"]?)\b((?:proxy-)?authorization|x-api-key|api-key|cookie)(['"]?[ \t]*[:=][ \t]*)([^\r\n]*)/gi;
  const OPTION = /(?<!\S)(-u|--user|-b|--cookie)(=|\s+)('[^']*'|"[^"]*"|\S+)/g;
  const FIELD = /("(?:api_?key|token|secret|password|client_token)"\s*:\s*")((?!\[)[^"\\]{8,})(?=")/gi;
  const QUERY = /([?&](?:api_?key|key|token|access_token)=)((?!\[)[^&\s'"]{8,})/gi;
  const USERINFO = /(\b[a-z][a-z0-9+]*:\/\/)((?!\[)[^\s/@'"]+)(?=@)/gi;
  const SESSION_TOKEN = /eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?/g;
  const KEY = /(?<![\w:])cl(?:api|ext)_(?!your)[\w-]{5,}(?![\w…]|\.\.\.)/g;
  const BEARER = /(\bbearer\s+)(?![$<{]|\S{0,3}\[(?:key|secret|token)-removed)(?!clapi_(?:\W|your))([^\s'"\\]{8,})/gi;
  const ALONE = /^[\w+/=.~-]{20,}$/;
  const ID = /^(?:(?:[a-z_]+[-_])?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:public_bulk_|enrich-|req_|\/)[\w/.-]+|[a-z_]+)$/i;
  const STAND_IN = /^(?:\$\{?\w+\}?|<[\w -]+>|\{+[\w .]+\}+|\[\S+-removed\S*\]|clapi_(?:\.+|…|x+|your\w*)?)$/i;
  const VALUE = new RegExp(`^${QUOTES}((?:bearer|basic|token|digest)(?:\\b[ \\t]*|(?=cl(?:api|ext)_)))?${QUOTES}(.*?)${QUOTES}$`, "i");

  function mark(secret, keys) {
    const start = ["clapi_", "clext_"].find((each) => secret.startsWith(each)) ?? "other";
    const known = keys.find(({ prefix, last4 }) => secret.startsWith(prefix) && secret.endsWith(last4));
    const spaces = /\s/.test(secret) ? ",spaces" : "";
    const odd = /[^\w\s-]/.test(secret) ? ",odd" : "";
    return `[key-removed:${known ? `${known.prefix}…${known.last4}` : start},${[...secret].length}-characters${spaces}${odd}]`;
  }

  function endOfValue(quote, colon, rest) {
    const nothing = quote ? new RegExp(`^.*?(?<!\\\\)(?=${quote})`) : /^.*?(?=\s*\\?$)/;
    const end = rest.match(/['"]/.test(colon[0]) ? /^(?:(['"]).*?(?<!\\)\1|[^,}\s]*)/ : nothing);
    return end ? end[0].length : rest.length;
  }

  function withoutCredential(name, value, keys) {
    const found = value.match(VALUE);
    if (!found || name.toLowerCase() === "cookie") return STAND_IN.test(value) ? value : "[secret-removed]";
    const [before, scheme, opening, credential, closing] = found.slice(1).map((part) => part ?? "");
    if (!credential || STAND_IN.test(credential)) return value;
    let left = mark(credential.trim(), keys);
    if (["basic", "digest"].includes(scheme.trim().toLowerCase())) left = "[secret-removed]";
    else if (new RegExp(`^${SESSION_TOKEN.source}$`).test(credential)) left = "[token-removed]";
    return before + scheme + opening + left + closing;
  }

  return (text, keys) => {
    let clean = text.replace(HEADER, (_, quote, name, colon, rest) => {
      const end = endOfValue(quote, colon, rest);
      return quote + name + colon + withoutCredential(name, rest.slice(0, end), keys) + rest.slice(end);
    });
    clean = clean.replace(OPTION, "$1$2[secret-removed]").replace(SESSION_TOKEN, "[token-removed]");
    clean = clean.replace(KEY, (key) => mark(key, keys));
    for (const pattern of [FIELD, QUERY, USERINFO, BEARER]) clean = clean.replace(pattern, "$1[secret-removed]");
    const alone = clean.trim();
    return ALONE.test(alone) && !ID.test(alone) ? mark(alone, keys) : clean;
  };
})();
