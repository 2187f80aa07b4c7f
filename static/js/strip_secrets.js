// Takes secrets out of pasted text, in the browser. troubleshooting/pasted/secrets.py does the same; change both.
const stripSecrets = (() => {
  // Written by `make patterns` from troubleshooting/pasted/secret_patterns.py, which says what each is for.
  const HEADER = /(['\"]?)\b((?:proxy-)?authorization|x-api-key|api-key|cookie)(['\"]?[ \t]*[:=])([^\r\n]*)/gi;
  const OPTION = /(?<!\S)(-u|--user|-b|--cookie)(=|\s+)('[^']*'|\"[^\"]*\"|\S+)/g;
  const FIELD = /(\"(?:api_?key|token|secret|password|client_token)\"\s*:\s*\")((?!\[)[^\"\\]{8,})(?=\")/gi;
  const QUERY = /([?&](?:api_?key|key|token|access_token)=)((?!\[)[^&\s'\"]{8,})/gi;
  const USERINFO = /(?<=[a-z0-9+]:\/\/)(?!\[)[^\s\/@'\"]+(?=@)/gi;
  const SESSION_TOKEN = /eyJ[\w-]{5,}(\.[\w-]+(?:\.[\w-]*)?)?/g;
  const KEY = /(?<![\w:])cl(?:api|ext)_(?!your)[\w-]{5,}(?![\w…]|\.\.\.)/g;
  const BEARER = /(\bbearer\s+)(?![$<{]|\S{0,3}\[(?:key|secret|token)-removed)(?!clapi_(?:\W|your))([^\s'\"\\]{8,})/gi;
  const ALONE = /^(?:[\w+\/=.~-]{20,})$/;
  const ID = /^(?:(?:[a-z_]+[-_])?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:public_bulk_|enrich-|req_|\/)[\w\/.-]+|[a-z_]+)$/i;
  const STAND_IN = /^(?:\$\{?\w+\}?|<[\w -]+>|\{{1,3}[\w .]+\}+|\[\w+-removed[^\s\[\]]*\]|clapi_(?:\.+|…|x+|your\w*)?)$/i;
  const OPENING = /^(?:\\?['\"]|[`\u2018\u2019\u201c\u201d])*(?:((?:bearer|basic|token|digest)(?:\b[ \t]*|(?=cl(?:api|ext)_)))(?:\\?['\"]|[`\u2018\u2019\u201c\u201d])*)?/i;
  const CLOSING = /(?<![\\'\"`\u2018\u2019\u201c\u201d])(?:\\?['\"]|[`\u2018\u2019\u201c\u201d])+$/;
  const END_OF_WORD = /[,}\s]|$/;
  // The end of what is written.
  const UNESCAPED = { "'": /(?<!\\)'/, '"': /(?<!\\)"/ };

  function mark(secret, keys) {
    const start = ["clapi_", "clext_"].find((each) => secret.startsWith(each)) ?? "other";
    const known = keys.find(({ prefix, last4 }) => secret.startsWith(prefix) && secret.endsWith(last4));
    const spaces = /\s/.test(secret) ? ",spaces" : "";
    const odd = /[^\w\s-]/.test(secret) ? ",odd" : "";
    return `[key-removed:${known ? `${known.prefix}…${known.last4}` : start},${[...secret].length}-characters${spaces}${odd}]`;
  }

  function endOfQuoted(quote, text) {
    const length = text.search(UNESCAPED[quote]);
    return length < 0 ? undefined : length;
  }

  function endOfValue(quote, colon, rest) {
    if (!(colon[0] in UNESCAPED)) return quote ? (endOfQuoted(quote, rest) ?? rest.length) : rest.replace(/\\$/, "").trimEnd().length;
    const length = rest[0] in UNESCAPED ? endOfQuoted(rest[0], rest.slice(1)) : undefined;
    return length === undefined ? rest.search(END_OF_WORD) : length + 2;
  }

  function withoutCredential(name, value, keys) {
    if (name.toLowerCase() === "cookie") return STAND_IN.test(value) ? value : "[secret-removed]";
    const [before, scheme = ""] = value.match(OPENING);
    const rest = value.slice(before.length);
    const closing = rest.match(CLOSING)?.[0] ?? "";
    const credential = rest.slice(0, rest.length - closing.length);
    if (!credential || STAND_IN.test(credential)) return value;
    let left = mark(credential.trim(), keys);
    if (["basic", "digest"].includes(scheme.trim().toLowerCase())) left = "[secret-removed]";
    else if (credential.replace(SESSION_TOKEN, (token, dot) => (dot ? "" : token)) === "") left = "[token-removed]";
    return before + left + closing;
  }

  return (text, keys) => {
    let clean = text.replace(HEADER, (_, quote, name, colon, rest) => {
      const start = rest.search(/[^ \t]|$/);
      const value = rest.slice(start);
      const end = endOfValue(quote, colon, value);
      return quote + name + colon + rest.slice(0, start) + withoutCredential(name, value.slice(0, end), keys) + value.slice(end);
    });
    clean = clean.replace(OPTION, "$1$2[secret-removed]").replace(SESSION_TOKEN, (token, dot) => (dot ? "[token-removed]" : token));
    clean = clean.replace(KEY, (key) => mark(key, keys));
    for (const pattern of [FIELD, QUERY, BEARER]) clean = clean.replace(pattern, "$1[secret-removed]");
    clean = clean.replace(USERINFO, "[secret-removed]");
    const alone = clean.trim();
    return ALONE.test(alone) && !ID.test(alone) ? mark(alone, keys) : clean;
  };
})();

// How many marks of what was taken out a text holds.
const countRemoved = (text) => text.match(/\[(?:key|secret|token)-removed/g)?.length ?? 0;
