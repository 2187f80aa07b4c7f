// Takes secrets out of pasted text, in the browser. troubleshooting/pasted/secrets.py does the same; change both.
const stripSecrets = (() => {
  // Written by `make patterns` from troubleshooting/pasted/secret_patterns.py, which says what each is for.
  const HEADER = /(['\"]?)\b((?:proxy-)?authorization|x-api-key|api-key|(?:set-)?cookie)(['\"]?[ \t]*(?::|=>?))([^\r\n]*)/gi;
  const OPTION = /(?<![^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])(-u|-b|-a|--(?:user|cookie|auth|oauth2-bearer|(?:http-|proxy-|ftp-)?password|proxy-user|pass))(=|[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+)(?!['\"]?\[(?:key|secret|token)-removed)('[^']*'|\"[^\"]*\"|[^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+)/g;
  const FIELD = /(\"(?:api_?key|token|secret|password|client_token)\"[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*:[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*\")((?!\[)[^\"\\]{8,})(?=\")/gi;
  const QUERY = /([?&](?:api_?key|key|token|access_token)=)((?!\[)[^& \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000'\"]{8,})/gi;
  const USERINFO = /(?<=[a-z0-9+]:\/\/)(?!\[)[^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\/@'\"]+(?=@)/gi;
  const SESSION_TOKEN = /eyJ[\w-]{5,}(\.[\w-]+(?:\.[\w-]*)?)?/g;
  const BEARER = /(\bbearer[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+)(?![\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|clapi_(?:\W|your))([^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000'\"\\]{8,})/gi;
  const ALONE = /^(?:[\w+\/=.~-]{20,})$/;
  const ID = /^(?:(?:[a-z]{1,12}_){0,2}[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:public_bulk_|enrich-|req_|\/)[\w\/.-]+|[a-z_]+)$/i;
  const STAND_IN = /^(?:[^\r\n]?\$\{[\w .()'\"\[\]-]+\}|\$(?:env:)?\w+|%\w+%|%s|<[\w -]+>|[#$]?\{{1,3}[\w .()'\"\[\]-]+\}+|(?:process|os|ENV|import|config|settings)\b[.\[][\w.()'\"\[\]-]*|[\w.]{0,8}?(?:key|token|auth|header|bearer|env|secret|config)[\w.]{0,40}(?:[(\[][\w'\", .-]*[)\]])?|(?:your|my|insert|replace)[_-][A-Za-z_-]{0,40}|x{3,}|\.{3,}|…|\[(?:key|secret|token)-removed[^ \t\r\n\[\]]*\]|clapi_(?:live_|test_)?(?:\.+|…|x+|your\w*)?)$/i;
  const OPENING = /^(?:[bfru@$]{1,2}(?=['\"]))?(?:\\?['\"]|[`\u2018\u2019\u201c\u201d])*(?:((?:bearer|basic|token|digest)(?:\b[ \t]*|(?=cl(?:api|ext)_)))(?:\\?['\"]|[`\u2018\u2019\u201c\u201d])*)?/i;
  const CLOSING = /(?<![\\'\"`\u2018\u2019\u201c\u201d])(?:\\?['\"]|[`\u2018\u2019\u201c\u201d])+$/;
  const END_OF_WORD = /[,} \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|$/;
  const BEHIND = /[,;)}\] \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|$/y;
  const MARKED = /\[(?:key|secret|token)-removed/;
  const MARK = /\[(?:key|secret|token)-removed[^ \t\r\n\[\]]{0,80}\]/g;
  const EDGES = /^[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+|[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+$/g;
  const SPACE = /[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
  const ODD = /[^\w \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000-]/;
  const ENCODED = /%(?:25){0,4}([0-9a-f]{2})|\\{1,8}(?:u00|x)([0-9a-f]{2})|&(?:amp;){0,4}#x0{0,4}([0-9a-f]{2});|&(?:amp;){0,4}#0{0,4}([0-9]{2,3});|&(?:amp;){0,4}(quot|apos|nbsp|lt|gt);|\\{1,8}([nrtfv\"'\/_-])|([\x00\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufeff])/gi;
  const KEY = /cl(?:api|ext)_/g;
  const KEY_PART = /[\w-]*/y;
  const TOKEN = /eyJ(?=[\w-]{5})/g;
  const IN_KEY = /cl(?:api|ext)_[\w-]{1,64}$/;
  const TOKEN_PART = /[\w.=-]*/y;
  const GAP = /(?:[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"'`+\\,;|>&^=*#]|\.(?!\.)){1,24}/y;
  const BREAK = /[\n\r\"'`\\]/;
  const WORDS = /^(?:[_.=-]{0,3}(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)(?:[_.=-]+(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+))*[_.=-]*)$/;
  const OTHER_ID = /^(?:(?:[a-z]{1,12}_){0,2}[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:public_bulk_|enrich-|req_|\/)[\w\/.-]+)$/i;
  const PLACEHOLDER = /^(?:(?:(?:your|api|key|live|test|secret|token|here|example|sample|placeholder|replace|insert|dummy|with|me|my|[x0*])[_-]?){0,40})$/i;
  const NAMED = /(?<![A-Za-z0-9_-])[\w-]{0,40}?(?:api[_-]?key|access[_-]?key|private[_-]?key|token|secret|credential|authorization|auth|session(?:[_-]?id)?)s?(?![\w-])[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"'`\])]*(?:=>|:=|[:=]|[\"'][ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*,)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[\"'`(\[]{0,3}(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))((?=[^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"'`]{0,100}[0-9])[^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"'`,;&<>()\[\]{}]{8,})/gi;
  const PASSWORD = /(?<![A-Za-z0-9_-])[\w-]{0,40}?(?:passw(?:or)?d|passphrase|pwd|userpwd|__session|__client\w{0,20})(?![\w-])[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"'`\])]*(?:=>|:=|[:=]|[\"'][ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*,)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*(?:\"(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^\"\n]{4,})|'(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^'\n]{4,})|(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"'`,;&<>()\[\]{}]{4,}))/gi;
  const COOKIE = /(?<![A-Za-z0-9])(?:cookies?|cookiefile)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"'`\])]*(?:=>|:=|[:=]|[\"'][ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*,)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*(?:\"(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^\"\n]{4,})|'(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^'\n]{4,})|(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"'][^\r\n\"'()\[\]{}]{3,}))/gi;
  const LOGIN_PAIR = /(?<![A-Za-z0-9])auth[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"'`\])]*(?:=>|:=|[:=]|[\"'][ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*,)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*\([\"'][^\"'\n]{1,100}[\"'],[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[\"'](?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^\"'\n]{4,})/gi;
  const LOGIN_OPTION = /(?<![\w-])(?:-[uab](?=={0,1}[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"']*[^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"']{1,100}[:=])|--(?:user|cookie|auth|oauth2-bearer|(?:http-|proxy-|ftp-)?password|proxy-user|pass))[= \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{1,4}(?:\"(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^\"\n]{4,})|'(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^'\n]{4,})|(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))([^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\"']{4,}))/g;
  const PAIR = /(?<=[\"'])(?:proxy-authorization|authorization|x-api-key|api-key|cookie|set-cookie|password)[\"'][ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[,)][ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*(?:[\"'][ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*)?(?:value[\"']?[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[:=][ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*)?[\"']?(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+)?(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))(?![A-Za-z]+[\"'\n]|[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|[^\w\"'\n]{0,2}(?:bearer|basic|token)?[^\w\"'\n]{0,4}[\"'\n])([^\"'\n\\]{8,})/gi;
  const SCHEME = /\b(?:bearer|basic|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+:=\"']+(?!(?:(?:bearer|basic|token|digest)[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+)?(?:[\[$<{]|#\{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|cl(?:api|ext)_))((?=[A-Za-z]*[0-9_=+\/.-])[A-Za-z0-9_=+\/.~-]{8,})/gi;
  const LOGIN = /(?<=:\/\/)(?!\[)[^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\/@'\"<>]+(?=@)/g;
  const IN_BASE64 = /(?:Y2xhcGlf|Y2xleHRf|NsYXBpX|NsZXh0X|jbGFwaV[89]|jbGV4dF[89]|ZXlKaGJHY2lP|lKaGJHY2lP|ZXlKMGVYQWlP)[\w+\/=-]{4,}(?:[\r\n]+[ \t]*[\w+\/-]{8,}={0,2}(?![\w:]))*/g;
  const IN_HEX = /636c(?:617069|657874)5f[0-9a-f]{8,}/gi;
  const PERSONAL = /(?<![A-Za-z0-9])(?:(?:sk|pk|rk)[_-](?:live|test|proj|ant)?[_-]?|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|pat-(?:na|eu|ap)[0-9]-|AKIA|AIza|ya29\.|SG\.|npm_|pypi-|shp(?:at|ss)_|hf_|dop_v1_)[\w.-]{12,}/g;
  const GENERATED = /(?<![\w+\/.-])(?!\/|(?:[a-z]{1,12}_){0,2}[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-)(?=[\w+\/-]*[a-z])(?=[\w+\/-]*[A-Z])(?=[\w+\/-]*[0-9])(?![\w-]{0,15}\/)[\w+\/-]{24,}={0,2}(?![\w.])/g;
  const NET = [NAMED, PASSWORD, COOKIE, LOGIN_PAIR, LOGIN_OPTION, PAIR, SCHEME, LOGIN, IN_HEX, PERSONAL, GENERATED];
  // The end of what is written.
  const UNESCAPED = { "'": /(?<!\\)'/, '"': /(?<!\\)"/ };
  const ENTITIES = { quot: '"', apos: "'", nbsp: " ", lt: "<", gt: ">" };
  const ESCAPES = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v" };
  const WHOLE = 64; // characters of a key behind its beginning, of which lists show four
  const SHOWN = 4;
  const SHORTEST_PART = 6;
  const LONG_PART = 12;
  const LONGEST_TOKEN = 4000;

  function mark(secret, keys) {
    const start = ["clapi_", "clext_"].find((each) => secret.startsWith(each)) ?? "other";
    const known = keys.find(({ prefix, last4 }) => secret.startsWith(prefix) && secret.endsWith(last4));
    const spaces = SPACE.test(secret) ? ",spaces" : "";
    const odd = ODD.test(secret) ? ",odd" : "";
    return `[key-removed:${known ? `${known.prefix}…${known.last4}` : start},${[...secret].length}-characters${spaces}${odd}]`;
  }

  function character([, percent, escaped, entity, decimal, named, letter]) {
    const code = percent || escaped || entity;
    if (code) return String.fromCharCode(parseInt(code, 16));
    if (decimal) return String.fromCharCode(parseInt(decimal, 10));
    if (named) return ENTITIES[named.toLowerCase()];
    return letter ? (ESCAPES[letter] ?? letter) : "";
  }

  // The text with what is encoded in it decoded, and the places of both behind each of which they run alike.
  function decode(text) {
    const places = [[0, 0]];
    let view = "";
    let at = 0;
    for (const found of text.matchAll(ENCODED)) {
      view += text.slice(at, found.index);
      places.push([view.length, found.index]);
      view += character(found);
      at = found.index + found[0].length;
      places.push([view.length, at]);
    }
    return { view: view + text.slice(at), places };
  }

  function replaceFound(text, find) {
    const { view, places } = decode(text);
    const parts = [];
    let index = 0;
    const placeOf = (place) => {
      while (index + 1 < places.length && places[index + 1][0] <= place) index += 1;
      return places[index][1] + place - places[index][0];
    };
    let at = 0;
    for (const [start, end, left] of find(view)) {
      parts.push(text.slice(at, placeOf(start)), left);
      at = placeOf(end);
    }
    return parts.join("") + text.slice(at);
  }

  function matchAt(pattern, text, place) {
    pattern.lastIndex = place;
    return pattern.exec(text)?.[0] ?? "";
  }

  function endOf(text, start, part, whole) {
    let end = start + matchAt(part, text, start).length;
    let count = end - start;
    while ((count < whole || !whole) && count < LONGEST_TOKEN) {
      const gap = matchAt(GAP, text, end);
      const more = gap && matchAt(part, text, end + gap.length);
      if (!more || /^cl(?:api|ext)_/.test(more)) break;
      const least = count + more.length <= whole ? SHORTEST_PART : LONG_PART;
      const isPart = more.length >= least && !WORDS.test(more) && !OTHER_ID.test(more);
      if (count + more.length !== whole && !(isPart && (whole || BREAK.test(gap)))) break;
      end += gap.length + more.length;
      count += more.length;
    }
    return [end, count];
  }

  function* keysIn(text, keys) {
    let found;
    let at = 0;
    while ((found = nextOf(KEY, text, at))) {
      const start = found.index + found[0].length;
      const [end, count] = endOf(text, start, KEY_PART, WHOLE);
      at = end;
      if (count > SHOWN && !PLACEHOLDER.test(text.slice(start, end))) yield [found.index, end, mark(text.slice(found.index, end), keys)];
    }
  }

  function* tokensIn(text) {
    let found;
    let at = 0;
    while ((found = nextOf(TOKEN, text, at))) {
      const [end, count] = endOf(text, found.index + found[0].length, TOKEN_PART, 0);
      at = end;
      const token = text.slice(found.index, end).replace(/(?<!\.)\.+$/, "");
      const before = text.slice(Math.max(0, found.index - WHOLE - 6), found.index);
      if (token.includes(".") || (count > LONG_PART && !IN_KEY.test(before))) yield [found.index, found.index + token.length, "[token-removed]"];
    }
  }

  function nextOf(pattern, text, at) {
    pattern.lastIndex = at;
    return pattern.exec(text);
  }

  function* matchesIn(text, net) {
    const spans = net.flatMap((pattern) =>
      [...text.matchAll(pattern)].map((found) => {
        const end = found.index + found[0].length;
        return [end - found.findLast((group) => group !== undefined).length, end];
      }),
    );
    let last = 0;
    for (const [start, end] of spans.sort(([a, b], [c, d]) => a - c || b - d)) {
      if (start >= last) yield [start, end, "[secret-removed]"];
      else if (end > last) yield [last, end, ""];
      last = Math.max(last, end);
    }
  }

  function endOfQuoted(quote, text) {
    const length = text.search(UNESCAPED[quote]);
    return length < 0 ? undefined : length;
  }

  function endOfValue(quote, colon, rest) {
    const length = rest[0] in UNESCAPED ? endOfQuoted(rest[0], rest.slice(1)) : undefined;
    if (!(colon[0] in UNESCAPED)) {
      if (quote) return endOfQuoted(quote, rest) ?? rest.length;
      BEHIND.lastIndex = length + 2;
      return length !== undefined && BEHIND.test(rest) ? length + 2 : rest.replace(/\\$/, "").replace(/(?<![ \t])[ \t]+$/, "").length;
    }
    return length === undefined ? rest.search(END_OF_WORD) : length + 2;
  }

  function withoutCredential(name, value, keys) {
    if (name.toLowerCase().endsWith("cookie")) return STAND_IN.test(value) ? value : "[secret-removed]";
    const [before, scheme = ""] = value.match(OPENING);
    const rest = value.slice(before.length);
    const closing = rest.match(CLOSING)?.[0] ?? "";
    const credential = rest.slice(0, rest.length - closing.length);
    if (!credential || MARKED.test(credential) || STAND_IN.test(credential)) return value;
    let left = mark(credential.replace(EDGES, ""), keys);
    if (["basic", "digest"].includes(scheme.trim().toLowerCase())) left = "[secret-removed]";
    else if (credential.replace(SESSION_TOKEN, (token, dot) => (dot ? "" : token)) === "") left = "[token-removed]";
    return before + left + closing;
  }

  return (text, keys) => {
    let clean = replaceFound(text, (view) => matchesIn(view, [IN_BASE64]));
    clean = replaceFound(replaceFound(clean, tokensIn), (view) => keysIn(view, keys));
    clean = clean.replace(HEADER, (_, quote, name, colon, rest) => {
      const start = rest.search(/[^ \t]|$/);
      const value = rest.slice(start);
      const end = endOfValue(quote, colon, value);
      return quote + name + colon + rest.slice(0, start) + withoutCredential(name, value.slice(0, end), keys) + value.slice(end);
    });
    clean = clean.replace(OPTION, "$1$2[secret-removed]").replace(SESSION_TOKEN, (token, dot) => (dot ? "[token-removed]" : token));
    for (const pattern of [FIELD, QUERY, BEARER]) clean = clean.replace(pattern, "$1[secret-removed]");
    clean = clean.replace(USERINFO, "[secret-removed]");
    const alone = clean.replace(EDGES, "");
    if (ALONE.test(alone) && !ID.test(alone)) clean = mark(alone, keys);
    return replaceFound(clean, (view) => matchesIn(view.replace(MARK, (each) => "[".repeat(each.length)), NET));
  };
})();

// How many marks of what was taken out a text holds.
const countRemoved = (text) => text.match(/\[(?:key|secret|token)-removed/g)?.length ?? 0;
