// Takes secrets out of pasted text, in the browser. troubleshooting/pasted/secrets.py does the same; change both.
const stripSecrets = (() => {
  // Written by `make patterns` from secret_patterns.py beside it, which says what each is for.
  const HEADER = /(['"]?)\b((?:proxy-)?authorization|x-api-key|api-key|(?:set-)?cookie)(['"]?[ \t]*(?::|=>?))([^\r\n]*)/gi;
  const OPTION = /(?<!\S)(-u|-b|-a|--(?:user|cookie|auth|oauth2-bearer|(?:(?!no-)[a-z]{1,20}-){0,3}pass(?:word|wd|phrase)?|proxy-user))(=|\s+)(?!['"]?\[(?:key|secret|token)-removed|<[a-z]|-\w(?!\S)|"?(?:\$\{!?\w+(?:\[[^\]{}\r\n]{1,40}\])?(?::?\?[^{}\r\n]*|:?[=+-]\$\{?\w+\}?|(?:[%#\/^,@]|:(?![=+-]))[^{}\w\r\n]*(?:\w{1,9}[^{}\w\r\n]+)*\w{0,9})?\}|\$\(<[^()\r\n]*\)|\$(?:\w+|\((?!(?:echo|printf)(?! (?:-\w+ |'?%s'? )?["']?(?:\$|$)))[a-z][\w-]{0,20} [^()\r\n]*\))|\{\{[\w .]+\}\}|%\w+%)+"?(?!\S))('[^']*'|"[^"]*"|\\+"[^"\r\n]*"|\S+)/g;
  const FIELD = /("(?:api_?key|token|secret|password|client_token)"\s*:\s*")((?!\[|\{\{[\w .$]+\}\}"|<<)(?:[^"\\]|\\.){8,})(?=")/gi;
  const QUERY = /([?&](?:api_?key|key|token|access_token)=)((?!\[)[^&\s'"]{8,})/gi;
  const SESSION_TOKEN = /eyJ[\w-]{5,}(\.[\w-]+(?:\.[\w-]*)?)?/g;
  const BEARER = /(\bbearer\s+)(?![\[$<{]|undefined\b|\\\(|#\{|%[a-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|`(?!(?:echo|printf)(?! (?:-\w+ |'?%s'? )?["']?(?:\$|$)))[a-z][\w-]{0,20} |(?:your|insert|replace)[_-][a-z_-]{0,40}(?![\w+\/.=-])|&\w{0,20}(?:key|token|auth|secret)\w{0,20}\.?(?![\w+\/=-])|@(?:\{|[a-z]{1,30}\()|\(\$|#[a-z][\w.]{0,40}#|!\w{1,40}!|\([a-z_][\w.]{0,40}\)(?=["'])|clapi_(?:\W|your|\w{4}[.…•*])|--[a-z]{1,12}=)([^\s'"\\]{8,})/gi;
  const ALONE = /^(?:(?!(?:(?:[a-z][a-z\d]{0,19}-){1,9}[a-z\d]{6,10}-[a-z\d]{5}|ip(?:-\d{1,3}){4}|[a-z][a-z\d-]{1,40}(?:\.[a-z\d-]{1,40}){0,8}\.(?:[a-z]{2}|com|net|org|app|dev|cloud|internal|local|svc|lan|test|example)|(?:[a-z]{2,20}-)+(?:eu|us|app|api|web|worker|server|node|prod)-\d{1,3})$)[\w+\/=.~-]{20,})$/;
  const ID = /^(?:(?:[a-z]{1,12}[_-]){0,2}[a-f\d]{8}(?:-[a-f\d]{4}){4}[a-f\d]{8}|(?:public_bulk_|enrich-|req_|run_|\/)[\w\/.-]+|[a-z_.]+(?:=\d{1,6})?)$/i;
  const STAND_IN = /^(?:[^\r\n]?\$\{[\w .()'"\[\]-]+\}|\$\(?\$?(?:env:)?\w+(?:-?[>.\[{]{1,2}['"]?\w+['"]?[\]}()]{0,2})*\)?|%\w+%|%s|<{1,2}[\w -]+>{1,2}|&\w{0,20}(?:key|token|auth|secret)\w{0,20}\.?|!\w{1,40}!|!secret \w+|#[a-z][\w.]*#|\(\$[\w.]{1,60}\)|(?:[#$]?\{|\$\(|\\\()[\w.: ]{1,60}(?:[\[(]|[#%\/?]{1,2})|\$\(<|\$\{!?\w+(?:\[[^\]{}\r\n]{1,40}\])?(?::?\?[^{}\r\n]*|:?[=+-]\$\{?\w+\}?|(?:[%#\/^,@]|:(?![=+-]))[^{}\w\r\n]*(?:\w{1,9}[^{}\w\r\n]+)*\w{0,9})?\}|\$\(<[^()\r\n]*\)|(?:[#$@]?\{{1,3}[\w .,;|$:()'"`\[\]>?!\/~-]+\}+|\{%[^%{}\r\n]+%\}|<[%?][^<>\r\n]+[%?]>)+|@[a-z]{1,30}\([\w ,'\[\]?\/-]*\)[\w.?'\[\]]*|[\[<(]?(?:redacted|filtered|masked|hidden|secure|secret|sensitive|scrubbed)[\])>]?|\*{3,}|new \w+\(["']\w+["'], ?(?:"Bearer " ?\+ ?)?[\w.]+(?:."[a-z_:]+".)?\);?|undefined|none|null|\[object object\]|bearer |\$\((?!(?:echo|printf)(?! (?:-\w+ |'?%s'? )?["']?(?:\$|$)))[a-z][\w-]{0,20} [^()\r\n]{0,200}\)?|`(?!(?:echo|printf)(?! (?:-\w+ |'?%s'? )?["']?(?:\$|$)))[a-z][\w-]{0,20} [^`\r\n]{1,200}`?|\\\([\w .()?!'"\[\]]+\)|(?:process|os|ENV|import|config|settings)\b[.\[][\w.()'"\[\]-]*[ }),;]*|[\w.]{0,8}?(?:key|token|auth|header|bearer|env|secret|config)[\w.]{0,40}(?:[(\[][\w'", .-]*[)\]])?|(?:your|my|insert|replace)[_-][a-z_-]{0,40}|x{3,}|\.{3,}|…|\[(?:key|secret|token)-removed[^ \t\r\n\[\]]*\][\])}'"]*|clapi_(?:live_|test_)?(?:[\w-]{0,4}[.…•*]+[\w-]{0,4}|x+|your\w*)?)$/i;
  const BEFORE_VALUE = /^[ \t]*(?:\[[ \t]*(?=['"]))?(?:[\w.:]{1,24}\((?=[bfru@$]{0,2}['"]bearer))?(?:[bfru@$]{1,2}(?=['"]))?/i;
  const OPENING = /^(?:[bfru@$]{1,2}(?=['"]))?(?:\\?['"]|[`‘’“”])*(?:((?:bearer|basic|token|digest)(?:\b[ \t]*(?:[:=][ \t]*(?=[$%{<\[]))?|(?=cl(?:api|ext)_)))(?:(?!`(?!(?:echo|printf)(?! (?:-\w+ |'?%s'? )?["']?(?:\$|$)))[a-z][\w-]{0,20} )(?:\\?['"]|[`‘’“”]))*)?/i;
  const CLOSING = /(?<![\\'"`‘’“”])(?:\\?['"]|[`‘’“”])+$/;
  const END_OF_DIGEST = /[ \t]{1,9}(?!\w{1,99}=)[^\r\n]*/;
  const END_OF_WORD = /[,}\s]|$/;
  const BEHIND = /,(?! ?['"](?![A-Z_]+['"])[^'" ]{20,200}['"] ?[),])|[;)}\]\s]|[+.&|<>~]{1,2}[A-Za-z$@](?![\w.]{0,40}\(['"](?![A-Z_]+['"])[^'"]{20})|$/y;
  const MARKED = /\[(?:key|secret|token)-removed/;
  const MARK = /\[(?:key|secret|token)-removed[^ \t\r\n\[\]]{0,80}\]/g;
  const EDGES = /^\s+|\s+$/g;
  const SPACE = /\s/;
  const ODD = /[^\w\s-]/;
  const DASH = /[\u2010-\u2015\u2212]/;
  const UNSEEN = /[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]/;
  const ENCODED = /(?:(?:[\x1b␛]|\\{1,4}(?:u00|x)1b|\\{1,4}(?:033|e)|\^\[|%1b)(?:\[|%5b)|\x9b)[\d;?]{0,16}[a-z]|(?:[\x1b␛]|\\{1,4}(?:u00|x)1b|\\{1,4}(?:033|e)|\^\[)\]8;;[a-z:\/.-]{0,99}(?:\x07|[\x1b␛]\\|\\{1,4}(?:u00|x)1b\\{1,2}|\\{1,4}(?:033|e)\\{1,2}|\\a)|(?:<|&lt;)(?:\/?(?:span|wbr|b|i|u|s|em|strong|mark|code|font|br)\b[^<>&]{0,99}|!--[^<>&]{0,99})(?:>|&gt;)|(?<=[\w+\/=: -])(?:\\{0,8}["'`]|&(?:amp;)?(?:quot|#39);)[ \t\r\n]{0,40}(?:\+\+?|\.\.?|&(?: _)?|\|\||<>|[~^]|\\\r?\n|\/\/ ?\n)[ \t\r\n]{0,40}(?:\\{0,8}["'`]|&(?:amp;)?(?:quot|#39);)(?=[\w+\/=-])|(?<=[\w+\/=-])(?:\\{0,8}["'`]|&(?:amp;)?(?:quot|#39);)[ \t]{0,9}\r?\n[ \t]{0,40}[bfru]?(?:\\{0,8}["'`]|&(?:amp;)?(?:quot|#39);)(?=[\w+\/=-]{1,200}["'](?! ?[:=]))|(?<=[\w-])\\\r?\n(?=[\w-]{1,70}")|%(?:25){0,4}(?:e2%(?:25){0,4}80%(?:25){0,4}8[b-f]|c2%(?:25){0,4}ad)|\\{1,8}u(?:20[0-6][\da-f]|feff)|&(?:amp;){0,4}(?:shy|zwn?j|ZeroWidthSpace|#820[3-7]|#x200[b-f]);|%(?:25){0,4}([\da-f]{2})|\\{1,8}(?:u00|x|'(?=[\da-f]{2}\\'[\da-f]{2})|(?<=\\'[\da-f]{2}\\)')([\da-f]{2})|&(?:amp;){0,4}#x0{0,4}([\da-f]{2});|&(?:amp;){0,4}#0{0,4}(\d{2,3});|&(?:amp;){0,4}(quot|apos|nbsp|lt|gt);|\\{1,8}([01][0-7]{2})|\\{1,8}([nrtfv"'\/_-])|([\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000])|([\u0085\u2028\u2029])|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061cᅟ\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]{1,99}/gi;
  const IN_BYTES = /(?:Y2xhcGlf|Y2xleHRf|NsYXBpX|NsZXh0X|jbGFwaV[89]|jbGV4dF[89]|ZXlKaGJHY2lP|lKaGJHY2lP|ZXlKMGVYQWlP)[\w+\/=-]{4,}(?:[\r\n]+[ \t]*[\w+\/-]{8,}={0,2}(?![\w:]))*|\b(?:99[,\s]{1,9}108[,\s]{1,9}(?:97[,\s]{1,9}112[,\s]{1,9}105|101[,\s]{1,9}120[,\s]{1,9}116)[,\s]{1,9}95|0x63[,\s]{1,9}0x6[cC][,\s]{1,9}0x6[15][,\s]{1,9}0x7[08][,\s]{1,9}0x[67][94][,\s]{1,9}0x5[fF])(?:[,\s]{1,9}(?:0x[\da-fA-F]{2}|\d{1,3})\b){4,}|(?<![^\n])[ \t]{0,8}[\da-fA-F]{7,8}:?((?: {1,2}[\da-fA-F]{2}(?: {0,2}[\da-fA-F]{2}){7,31}|(?: {3}[ -~]| {2}\\[a-z0]| [0-7]{3}){8,16})(?![^ \n|])[^\n]{0,99}(?:\n[ \t]{0,8}[\da-fA-F]{7,8}:? {1,3}[!-~][^\n]{0,150})*)/g;
  const KEY = /cl(?:api|ext)_/g;
  const KEY_PART = /(?:[\w-]|[\u2010-\u2015\u2212](?=[\w-]{4}))*/y;
  const TOKEN = /eyJ(?=[\w-]{5})/g;
  const IN_KEY = /cl(?:api|ext)_[\w-]{1,64}$/;
  const TOKEN_PART = /[\w.=-]*/y;
  const GAP = /(?:[\r\n↵⏎\u00ac][ \t]{0,8}(?:[\[+]?\d{1,5}(?:[\]:.)|+ \t]{1,4}|-(?!\d))|[\w-]{1,20}[ \t]{1,9}\||[\/*;#-]{1,2}[ \t])|[\s│…↵⏎\u00ac"'`+\\,;|>&^=*#]|\.(?!\.)){1,24}/y;
  const BREAK = /[\n\r"'`\\\u23ce]/;
  const WORDS = /^(?:[_.=-]{0,3}(?:[A-Z]?[a-z]+|[A-Z]+|\d+)(?:[_.=-]+(?:[A-Z]?[a-z]+|[A-Z]+|\d+))*[_.=-]*)$/;
  const OTHER_ID = /^(?:(?:[a-z]{1,12}[_-]){0,2}[a-f\d]{8}(?:-[a-f\d]{4}){4}[a-f\d]{8}|(?:public_bulk_|enrich-|req_|run_|\/)[\w\/.-]+|\d{4}-\d{2}-\d{2}[\w-]*)$/i;
  const PLACEHOLDER = /^(?:(?:(?:your|api|key|live|test|secret|token|here|example|sample|placeholder|replace|insert|dummy|with|me|my|[x0*])[_-]?){0,40})$/i;
  const STANDS_FOR = /(?:!{1,2}[\w:.]{0,20} )?(?:@|[bfru]{1,2}|[a-z][\w.]{0,20}\((?:\d{1,5}\) )?|s:\d{1,5}:)?["'`]?\[\[|=?(?:(?:bearer|basic|token|digest)[\s+]+)?(?:[\[$<{]|undefined\b|\\\(|#\{|%[a-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{0,3}\[(?:key|secret|token)-removed|`(?!(?:echo|printf)(?! (?:-\w+ |'?%s'? )?["']?(?:\$|$)))[a-z][\w-]{0,20} |(?:your|insert|replace)[_-][a-z_-]{0,40}(?![\w+\/.=-])|cl(?:api|ext)_)|bearer (?:&\w{0,20}(?:key|token|auth|secret)\w{0,20}\.?(?![\w+\/=-])|@(?:\{|[a-z]{1,30}\()|\(\$|#[a-z][\w.]{0,40}#|!\w{1,40}!|\([a-z_][\w.]{0,40}\)(?=["']))/yi;
  const PERSONAL = /(?<![A-Za-z\d])(?:(?:sk|pk|rk)[_-](?:live|test|proj|ant)?[_-]?|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|pat-(?:na|eu|ap)\d-|AKIA|ASIA|AIza|ya29\.|SG\.|npm_|pypi-|shp(?:at|ss)_|hf_|gsk_|dop_v1_|dckr_pat_|lin_api_|ntn_|hv[bs]\.|\d{8,10}:AA)|hooks\.slack\.com\/services\/(?:\w{1,20}\/){0,2}/g;
  const WHOLE_TOKEN = /^(?:[\w.=:\/-]*)$/;
  const HEADING = /^(?:[\s"'`*]{0,9}(?:[\w-]{0,20}[ _-])?(?:(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?|api[ _-]?key|token|secret)[\s"'`*]{0,9})$/i;
  const CELL = /^[ \t"'`*]{0,9}((?=\S{0,99}\d)(?=\S{0,99}[a-z!#$%^@~])[^\s"'`,;&<>()\[\]{}|]{8,}|[a-z]{20,}|(?![\w-]{0,99}(?:not|invalid|missing|expired|require|your|example|unknown|provided|null|key|token|header|bearer|secret))(?=[a-z-]{12})[a-z]{2,20}(?:-[a-z]{2,20}){1,9}(?![\w(.=-]))/i;
  const NET = [
    /(?=[\wÀ-\uffff-]{2})(?<![\w-])[\w-]{0,40}?(?:(?:api|access|private|account|secret|signing|encryption)[_-]?key|key-data|token|secret|credential|authorization|auth|csrf|sig|session(?:[_-]?id)?)s?(?![\w-])(?:[\s"'`\])*]*(?:=>|:=|->|\u2192|<<<|[:=：\uff1d])[\s*]*(?:(?:!{1,2}[\w:.]{0,20}|&\w{1,20}|[|>][+-]?)\s+|- )?|\s*["'](?:\s*,\s*|;(?=s:)))(?:@|[bfru]{1,2}|[a-z][\w.]{0,20}\((?:\d{1,5}\) )?|s:\d{1,5}:)?["'`(\[]{0,3}(?:(?:bearer|basic|token|digest)[\s+]+)?((?=[^\s"'`]{0,99}\d)(?:(?:[^\s"'`,;&<>()\[\]{}]|&(?!&|[\w-]{1,99}=)){8,}|(?<=["'`])(?:[^\s"'`,;&<>()\[\]{}]|&(?!&|[\w-]{1,99}=)){6,7}))/gi,
    /(?=[\wÀ-\uffff-]{2})(?:(?:(?:api|access|private|account|secret|signing|encryption)[_-]?key|key-data|token|secret|credential|authorization|auth|csrf|sig|session(?:[_-]?id)?)s?|(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?)(?:\s?:?\s?&?str(?:ing)?)?(?:[\s"'`\])*]*(?:=>|:=|->|\u2192|<<<|[:=：\uff1d])[\s*]*(?:(?:!{1,2}[\w:.]{0,20}|&\w{1,20}|[|>][+-]?)\s+|- )?|\s?[.(\s](?=["'`]))(?:@|[bfru]{1,2}|[a-z][\w.]{0,20}\((?:\d{1,5}\) )?|s:\d{1,5}:)?["'`]{0,3}((?![\w-]{0,99}(?:not|invalid|missing|expired|require|your|example|unknown|provided|null|key|token|header|bearer|secret))(?=[a-z-]{12})[a-z]{2,20}(?:-[a-z]{2,20}){1,9}(?![\w(.=-]))|(?:(?<![\w-])--[a-z-]{0,40}(?:token|secret|key)|\bsetx?(?: -\w)? \w{0,99}(?:token|secret|key|password))[ =]["']?((?![\w-]{0,99}(?:not|invalid|missing|expired|require|your|example|unknown|provided|null|key|token|header|bearer|secret))(?=[a-z-]{12})[a-z]{2,20}(?:-[a-z]{2,20}){1,9}(?![\w(.=-]))|(?<![\w-])--[a-z-]{0,40}(?:token|secret|api-?key)[ =]["']?((?=[\w-]{0,99}\d)[\w+=-]{8,}(?![\w.\/]))/gi,
    /(?:[Tt]oken|TOKEN|[Ss]ecret|SECRET|[Kk]ey|KEY|[Aa]uth|&code|\?code)["'\] ]{0,3}(?:[:=]|is|equals|\t|\s{3})[\s"']{0,9}((?=[a-z]*[A-Z]+[a-z])(?=\w*[A-Z]{2})[A-Za-z]{16,})(?![\w.(])/g,
    /(?:(?=[\wÀ-\uffff-]{2})(?<![\w-])[\w-]{0,40}?(?:(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?|userpwd|sshpass|__session|__client\w{0,20})|(?<![\w-])(?<!--- )(?:[\w-]{0,40}[_-])?p(?:ass|w))(?![\w-])(?:[\s"'`\])*]*(?:=>|:=|->|\u2192|<<<|[:=：\uff1d])[\s*]*(?:(?:!{1,2}[\w:.]{0,20}|&\w{1,20}|[|>][+-]?)\s+|- )?|\s*["'](?:\s*,\s*|;(?=s:)))(?!(?:true|false|null|none|is|was|must|may|has|not|no|required|missing|incorrect|invalid|wrong|field|expired?|string|str|text|too|the|to|for|and|or|in|of)\b(?![-_.(]))(?:(?:@|[bfru]{1,2}|[a-z][\w.]{0,20}\((?:\d{1,5}\) )?|s:\d{1,5}:)?(?:""(?=")|''(?='))?(?!["'] )(?:"((?:[^"\n]|"(?=\w)){4,})(?!"\s?:|[^"\n])|'([^'\n]{4,})(?!'\s?:|[^'\n])|`([^`\n]{4,}))|(?:q\{([^{}\n]{4,99})|\{((?=[^{}]{0,99}\d)[^{}\s"':]{8,99}))(?=\})|(?![a-z_.]{1,99}\(|!vault)((?:[^\s"'`,;&<>()\[\]{}]|&(?!&|[\w-]{1,99}=)){4,}(?:(?: [a-z]{2,20}){1,7}(?=\s*?(?:[\r\n,;'"\\]|$)))?))/gi,
    /(?=[\wÀ-\uffff-]{2})(?<![\w-])(?:[\w-]{0,40}_)?(?:(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?|p(?:ass|w))(?=[\s*|])(?:[\s*|.>\u2014\u2013-]|(?:is|was|ist|lautet:?|est|es|[èé]|to|set|equals)(?=\s)|(?:f[üo]r|zu[mr]|of|de|para|in)(?:\s[\wÀ-\uffff]{1,20}){1,4}(?=\s(?:is|was|ist|est?)\s)){0,24}(?:["'`](?!(?:true|false|null|none|is|was|must|may|has|not|no|required|missing|incorrect|invalid|wrong|field|expired?|string|str|text|too|the|to|for|and|or|in|of)\b(?![-_.(]))([^"'`\n]{8,80})(?=["'`])|(?<=[\s*|])(?!(?:true|false|null|none|is|was|must|may|has|not|no|required|missing|incorrect|invalid|wrong|field|expired?|string|str|text|too|the|to|for|and|or|in|of)\b(?![-_.(])|[\w.+-]*(?:@[\w-]+\.[a-z]|:\/\/|[(=:])|\d{4}-|\/|HTTP\/|\d+-?[a-z]+(?!\w))(?=\S{0,99}\d)(?=\S{0,99}[a-z!#$%^@~])([^\s"'`,;&<>()\[\]{}|]{8,100}))/gi,
    /\b(?:api[ _-]?key|token|secret)(?:\s{1,9}(?:is|was|equals)| {0,9}[\t|]| {3})[\s:"'`]{0,40}(?!(?:true|false|null|none|is|was|must|may|has|not|no|required|missing|incorrect|invalid|wrong|field|expired?|string|str|text|too|the|to|for|and|or|in|of)\b(?![-_.(])|[\w.+-]*(?:@[\w-]+\.[a-z]|:\/\/|[(=:])|\d{4}-|\/|HTTP\/|\d+-?[a-z]+(?!\w))((?:(?=[a-z]*\d)[\w.+\/=-]{12,}|(?![\w-]{0,99}(?:not|invalid|missing|expired|require|your|example|unknown|provided|null|key|token|header|bearer|secret))(?=[a-z-]{12})[a-z]{2,20}(?:-[a-z]{2,20}){1,9}(?![\w(.=-])))|\b(?:cred(?:ential)?s|log-?in|user(?:name)?\/pass(?:word)?)(?: ?[:=] ?| (?:is|are|with|as) )[\w.@-]{1,99} ?[:\/] ?(?!\/)(?=\S{0,99}\d)(?=\S{0,99}[a-z!#$%^@~])([^\s"'`,;&<>()\[\]{}|]{8,})|\b(?:otp|pin|totp|2fa)(?:[ _-]?code)?["']?\s?(?:[:=]|is|was|ist)\s?["']?(\d{4,8})(?![\w.-])|\bpass(?:word|wd)?;(?=\S{0,99}\d)(?=\S{0,99}[a-z!#$%^@~])([^\s"'`,;&<>()\[\]{}|]{8,})|\bbasic [\w.@-]{1,99}:(?![ \/])([^\s"'`,;&<>()\[\]{}|]{6,})/gi,
    /<[\w.:-]{0,40}?(?:passw(?:or)?d|passwort|pwd|passphrase|(?:token|secret|api-?key)(?=[^<>]{0,99}>[^<]{0,200}[\d-]))(?:\s[^<>]{0,99})?>(?:<!\[CDATA\[)?([^<\]\r\n]{4,200})(?=[<\]])|["'][\w.:-]{0,40}?(?:passw(?:or)?d|pwd|passphrase|(?:token|secret|api_?key)(?=[^\n]{0,99}\d))["'](?:\s{0,9}value\s{0,9}=\s{0,9}(?:"((?:[^"\n]|"(?=\w)){4,})(?!"\s?:|[^"\n])|'([^'\n]{4,})(?!'\s?:|[^'\n]))|[^<>]{0,99}>\s{0,9}<value>([^<]{4,200}))|value=["']([^"'<>\n]{4,200})["'](?=\stype=["']password)|form-data; name=["']?[\w-]{0,40}?(?:(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?|token|secret|api_?key)["']?[^\r\n]{0,99}(?:\r?\n[\w-]{1,99}:[^\r\n]{0,99}){0,3}\r?\n\r?\n([^\r\n]{4,200})|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----([\w+\/=:,\s\\"'>|]{16,})|>\s{0,9}(?:(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?|token|secret):?\s{0,9}(?:<\/?[\w:]{1,20}[^<>]{0,99}>\s{0,9}){1,4}((?=[^<]{0,99}[\d-])[^<\s]{8,200})|\blogin\s{0,9}\S{1,99}\s{0,9}password\s{0,9}(\S{4,})|(?<![^\n>])[\w.*-]{1,99}:(?:\d{4,5}|\*):[\w*-]{1,99}:[\w*-]{1,99}:(?=\S{0,99}\d)(?=\S{0,99}[a-z!#$%^@~])([^\s:]{8,100})|334 UGFzc3dvcmQ6\s{1,9}(?:[CS>]:? )?([\w+\/=]{8,})|assword:? ?["'}](?: ?\{)?\s{1,20}send\s{1,9}(?:-- )?["']([^"'\n\\$]{4,})|\binsert\s{1,9}into\s{1,9}[^\s()]{1,99}\s{0,9}\([^()]{0,200}pass(?:word|wd)?["'`]?\s{0,9}\)\s{1,9}values\s{0,9}\((?:[^()]{0,200},)?\s{0,9}'([^'\n]{4,99})(?='\s{0,9}\))|\binsert\s{1,9}into\s{1,9}[^\s()]{1,99}\s{0,9}\([^()]{0,200}pass(?:word|wd)?["'`]?\s{0,9},[^()]{0,200}\)\s{1,9}values\s{0,9}\((?:[^()]{0,200}?,)??\s{0,9}'(?![^'@\n]{1,99}@)(?=\S{0,99}\d)(?=\S{0,99}[a-z!#$%^@~])([^'\n]{6,99})(?=')|\b(?:(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?|(?:(?:api|access|private|account|secret|signing|encryption)[_-]?key|key-data|token|secret|credential|authorization|auth|csrf|sig|session(?:[_-]?id)?)s?)["']?:[ \t]{1,4}[|>][+-]?[ \t]{0,4}\r?\n[ \t]{1,40}([^\s:]{4,400}(?:\r?\n[ \t]{1,40}[^\s:]{4,400}(?=\s*?(?:[\r\n]|$))){1,9})/gi,
    /(?:(?<![\w-])(?:(?:-[uUabE]|--cert)(?==?[\s"']*[^\s"']{1,99}[:=])|--(?:user|cookie|auth|oauth2-bearer|(?:(?!no-)[a-z]{1,20}-){0,3}pass(?:word|wd|phrase)?|proxy-user))[=\s]{1,4}|\b(?:(?:sshpass|(?:docker|podman|helm registry|az acr|oc) login [^\r\n|;]{0,99}?) -p[ =]?|(?:mysql(?:dump|admin|sh)?|7z)(?: [^\r\n|;]{0,99}?)? -p|psexec\S{0,6} [^\r\n|;]{0,99}?-p |ldap\w{3,9} [^\r\n|;]{0,99}?-w |net use (?:\w: )?\\\\\S{1,99} (?!\/)|(?:net user|add_user|thin:|sqlplus) ?[\w.-]{1,99}[ \/](?!\/)|BY (?=')|curl [^\r\n|;]{0,99}?-[fgikLnsSv#]{0,8}u ?["']?[^\s"':\/]{1,99}:(?!["'] ))| \/(?:rp |user:[^\s:]{1,99}[ :](?!\/))|\becho(?=[^\r\n|]{4,99}\|[^\r\n]{0,99}--password-stdin) |(?<![^\n> ])(?:PASS|AUTH|[a-z]?\d{0,4} LOGIN)(?: [\w.@-]{1,99})? (?:(?=["'])|(?=\S{0,99}\d)(?=\S{0,99}[a-z!#$%^@~])(?!\S*[\/.])))(?:"((?:[^"\n]|"(?=\w)){4,})(?!"\s?:|[^"\n])|'([^'\n]{4,})(?!'\s?:|[^'\n])|([^\s"']{4,}))/g,
    /(?<![a-z\d])(?:cookies?|cookiefile)(?:[\s"'`\])*]*(?:=>|:=|->|\u2192|<<<|[:=：\uff1d])[\s*]*(?:(?:!{1,2}[\w:.]{0,20}|&\w{1,20}|[|>][+-]?)\s+|- )?|\s*["'](?:\s*,\s*|;(?=s:)))[\[(]{0,2}(?:"((?:[^"\n]|"(?=\w)){4,})(?!"\s?:|[^"\n])|'([^'\n]{4,})(?!'\s?:|[^'\n])|(?:\{|dict\()([^{}()\n]{0,99}["'][^"'\n]{8,}["'][^{}()\n]{0,300})|(?!dict\(|[\w.]{1,99}\()([^\s"'][^\r\n"'()\[\]{}]{3,}))|(?<![^\n \t])(?:set-)?cookie[ \t]{0,4}\r?\n[ \t]{0,8}([\w.-]{1,60}=[^\r\n]{4,})|\t(?:TRUE|FALSE)\t\d{1,12}\t[^\t\r\n]{1,80}\t([^\t\r\n]{8,})|\t([^\t\r\n]{8,})(?=\t[\w.-]{1,80}\t\/)/gi,
    /(?<![a-z\d])(?:auth(?:[\s"'`\])*]*(?:=>|:=|->|\u2192|<<<|[:=：\uff1d])[\s*]*(?:(?:!{1,2}[\w:.]{0,20}|&\w{1,20}|[|>][+-]?)\s+|- )?|\s*["'](?:\s*,\s*|;(?=s:)))\(|(?:\w{0,20}?(?:basic|digest)_?auth|\w{0,20}?credentials?|login)\()\s{0,40}["'][^"'\n]{1,99}["'],\s*["']([^"'\n]{4,})/gi,
    /(?<=["'])(?:proxy-authorization|authorization|x-api-key|api-key|cookie|set-cookie|password)["']\s*(?:,|\)(?=[ \t]*["']))\s*(?:["']\s*)?(?:value["']?\s*[:=]\s*)?["']?(?!bearer\s+(?:&\w{0,20}(?:key|token|auth|secret)\w{0,20}\.?(?![\w+\/=-])|@(?:\{|[a-z]{1,30}\()|\(\$|#[a-z][\w.]{0,40}#|!\w{1,40}!|\([a-z_][\w.]{0,40}\)(?=["']))|[a-z.]{1,20}!?\(["'])(?:(?:bearer|basic|token|digest)\s+)?(?![a-z]+["'\n]|(?:content|accept|user|cache|x)-|forHTTP|\s|[^\w"'\n]{0,2}(?:bearer|basic|token)?[^\w"'\n]{0,4}["'\n])([^"'\n\\]{8,})/gi,
    /(?:\(["'][\w-]{0,40}?(?:(?:api|access|private|account|secret|signing|encryption)[_-]?key|key-data|token|secret|credential|authorization|auth|csrf|sig|session(?:[_-]?id)?)s?["']\s{0,9},|["'](?=[\w-]{3,99}["']\s{0,9},)(?:[\w-]{0,40}?(?:(?:(?:api|access|private|account|secret|signing|encryption)[_-]?key|key-data|token|secret|credential|authorization|auth|csrf|sig|session(?:[_-]?id)?)s?|(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?|session)|sid)["']\s{0,9},\s{0,40}["']?value["']?\s{0,9}[:=]|cookies?\.set\(["'][^"'\n]{1,99}["'],)\s{0,9}["'](?=[^"'\n]{0,99}[\d-]|[^"'\n]{20})([^"'\n\\]{8,})/gi,
    /\b(?:bearer|basic|digest)[\s+:="']+(?![+:="']|[\w.]{1,99}\()((?=[a-z]*[\d_=+\/.-])[a-z\d_=+\/.~-]{8,})/gi,
    /(?:bearer(?:[_-]?(?:auth|token)| )?["']?\s{0,9}[(,]|securestring(?: -string)?)\s{0,9}["'](?![ \t]|your|my[_-]|insert|replace|x{3}|[A-Z_]+['"])([^'"\r\n]{8,200})(?=["'](?!\s{0,9}:))|(?<=\(["'])(?![ \t]|your|my[_-]|insert|replace|x{3}|[A-Z_]+['"])([^'"\r\n]{8,200})(?=["'],\s{0,9}forHTTPHeaderField:\s{0,9}["'](?:authorization|x-api-key|api-key|cookie)["'])|(?:name|key):[ \t]{0,4}["']?(?:[\w-]{0,40}?(?:(?:(?:api|access|private|account|secret|signing|encryption)[_-]?key|key-data|token|secret|credential|authorization|auth|csrf|sig|session(?:[_-]?id)?)s?|(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?|cookie))["']?[ \t]{0,4}\r?\n[ \t]{0,40}value:[ \t]{0,4}["']?(?:bearer[ \t]{1,4})?(?![ \t]|your|my[_-]|insert|replace|x{3}|[A-Z_]+['"])([^'"\r\n]{8,200})|["'](?=[\w-]{3,99}["']\s{0,9}\{)[\w-]{0,40}?(?:(?:(?:api|access|private|account|secret|signing|encryption)[_-]?key|key-data|token|secret|credential|authorization|auth|csrf|sig|session(?:[_-]?id)?)s?|(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[ñÑn]a|clave|senha|wachtwoord|has[łŁl]o|heslo|adgangskode|l[öo]senord|[şŞs]ifre|[пП]ароль|密码|パスワード|비밀번호|mot de passe)s?)["']\s{0,9}\{\s{0,40}default\s{0,9}=\s{0,9}"(?![ \t]|your|my[_-]|insert|replace|x{3}|[A-Z_]+['"])([^'"\r\n]{8,200})/gi,
    /(?<=:\/\/)(?![^\/@]{0,40}\[\[|\[)[^\s\/'"<>]+(?=@)|(?<=:\/\/)[\w.-]{1,40}:(?!\d{1,5}[\/?#]|[^\s@]{0,40}\[)([^\s@'"<>]{4,60})(?=@)|(?<![\w\/@.:-])[\w.-]{1,40}:(?=[^\s@]{0,59}\d)(?=[^\s@]{0,59}[!#$%^*])([^\s@'"<>\/:]{8,60})(?=@[\w-]{1,60}\.\w)|(?:\/api\/webhooks\/\d{1,20}(?=\/\w)|hooks\.zapier\.com\/hooks\/(?:standard|catch)|\bhook\.(?:[a-z\d]{2,9}\.)?make\.com|hook\.integromat\.com|webhook\.office\.com\/webhookb2|\/webhook(?:-test)?(?=\/[\da-f]{8}-[\da-f]{4}-)|logic\.azure\.com[^\s"']{0,200}[?&]sig=)\/?([\w@\/%.-]{6,300})/g,
    /(?<![\w+\/.-])(?=\d*[a-f])(?=[a-f]*\d)[\da-f]{32,}(?![\w.-])|636c(?:617069|657874)5f[\da-f]{8,}|c l (?:a p i|e x t) _(?: [\w-]){8,}|cl(?:api|ext)_(?=[\w-]{0,63}\d[a-z])[\w-]{16,}/gi,
    /(?<![\w+\/.-])(?!\/|(?:[a-z]{1,12}_){0,2}[\dA-Fa-f]{8}-[\dA-Fa-f]{4}-)(?=[\w+\/-]*[a-z])(?=[\w+\/-]*[A-Z])(?=[\w+\/-]*\d)(?![\w-]{0,15}\/)[\w+\/-]{24,}={0,2}(?![\w.])|(?<![\w+\/.-])(?=\d{0,3}(?:[A-Za-z_-]{1,40}\d{1,3}){3})(?![A-Z_]{0,20}[\dA-F]{8}-[\dA-F]{4}-)(?:[A-Z\d_-]{40,}|[a-z\d_-]{64}|[a-z\d]{32,}|[A-Z\d]{32,})(?![\w.-])|(?<=\/)(?<!\/in\/)(?<!\/pub\/)(?<!\/lead\/)(?<!\/people\/)(?<!\/profile\/)(?<!\/company\/)(?:(?=[\w-]{0,99}\d[a-z])(?:(?=[\w-]{0,99}[A-Z])[\w-]{24,}|(?=[\da-f]{0,31}[g-z])[\da-z]{32,})|(?=(?:[\w-]{0,20}?[A-Z]{2}[a-z]){2})[\w-]{24,})(?:\+[\w+\/=-]*)?(?![\w.-])|(?<![\w-])(?=[\w-]{0,62}\d[A-Za-z])[\w-]{20,63}(?=\.(?:\w{1,20}\.)?cleanlist\.)|(?<=:\/\/)(?=[\w-]{0,62}[a-z])(?=[\w-]{0,62}[A-Z])(?=[\w-]{0,62}\d)[\w-]{24,63}(?=\.)|(?<![\w+\/=-])(?!\/)(?=(?:[a-z\d+\/]*[A-Z]+[a-z\d+\/]){5})(?=[A-Za-z+\/]*\d[A-Za-z+\/]*\d)[\w+\/]{40}(?![\w+\/=-])/g,
  ];
  // The end of what is written.
  const UNESCAPED = { "'": /(?<!\\)'/, '"': /(?<!\\)"/, "`": /(?<!\\)`/ };
  const ENTITIES = { quot: '"', apos: "'", nbsp: " ", lt: "<", gt: ">" };
  const ESCAPES = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v" };
  const WHOLE = 64; // of a key behind its beginning
  const SHOWN = 4;
  const SHORTEST_PART = 6;
  const OTHER_PART = 8;
  const LONG_PART = 12;
  const LONGEST_TOKEN = 4000;

  function mark(secret, keys) {
    const start = ["clapi_", "clext_"].find((each) => secret.startsWith(each)) ?? "other";
    const known = keys.find(({ prefix, last4 }) => secret.startsWith(prefix) && secret.endsWith(last4));
    const spaces = SPACE.test(secret) ? ",spaces" : "";
    const dash = DASH.test(secret) ? ",dash" : "";
    const odd = ODD.test(secret) ? ",odd" : "";
    return `[key-removed:${known ? `${known.prefix}…${known.last4}` : start},${[...secret].length}-characters${spaces}${dash}${odd}]`;
  }

  function character([, percent, escaped, entity, decimal, named, octal, letter, blank, line]) {
    const code = percent || escaped || entity;
    const number = code ? parseInt(code, 16) : decimal ? parseInt(decimal, 10) : parseInt(octal, 8);
    if (number >= 0) return number === 160 ? " " : number === 173 ? "" : String.fromCharCode(number);
    if (named) return ENTITIES[named.toLowerCase()];
    if (blank || line) return blank ? " " : "\n";
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

  // What stands in the text just as ``unless`` has it stays.
  function replaceFound(text, find, unless) {
    const { view, places } = decode(text);
    const parts = [];
    let index = 0;
    const placeOf = (place, last) => {
      while (places[index + 1]?.[0] <= last) index += 1;
      if (places[index + 1]?.[0] === place) index += 1;
      return places[index][1] + place - places[index][0];
    };
    let at = 0;
    for (const [start, end, left] of find(view)) {
      const [begins, ends] = [placeOf(start, start), placeOf(end, end - 1)];
      if (unless?.test(text.slice(begins, ends))) continue;
      parts.push(text.slice(at, begins), UNSEEN.test(text.slice(begins, ends)) ? left.replace("characters]", "characters,odd]") : left);
      at = ends;
    }
    return parts.join("") + text.slice(at);
  }

  function nextOf(pattern, text, at) {
    pattern.lastIndex = at;
    return pattern.exec(text);
  }

  const matchAt = (pattern, text, at) => nextOf(pattern, text, at)?.[0] ?? "";

  function endOf(text, start, part, whole) {
    let end = start + matchAt(part, text, start).length;
    let count = end - start;
    while ((count < whole || !whole) && count < LONGEST_TOKEN) {
      const gap = matchAt(GAP, text, end);
      const more = gap && matchAt(part, text, end + gap.length);
      if (!more || /^cl(?:api|ext)_/.test(more)) break;
      const least = count + more.length <= whole ? SHORTEST_PART : whole ? LONG_PART : OTHER_PART;
      const isPart = more.length >= least && !WORDS.test(more) && !OTHER_ID.test(more);
      if (count + more.length !== whole && !(isPart && (whole || BREAK.test(gap)))) break;
      end += gap.length + more.length;
      count += more.length;
    }
    return [end, count];
  }

  // Where what begins like this is, and where it ends, with the number of characters behind the beginning.
  function* secretsIn(text, pattern, part, whole) {
    let found;
    let end = 0;
    while ((found = nextOf(pattern, text, end))) {
      const start = found.index + found[0].length;
      let count;
      [end, count] = endOf(text, start, part, whole);
      yield [found.index, start, end, count];
    }
  }

  function* keysIn(text, keys) {
    for (const [at, start, end, count] of secretsIn(text, KEY, KEY_PART, WHOLE)) {
      if (count > SHOWN && !PLACEHOLDER.test(text.slice(start, end))) yield [at, end, mark(text.slice(at, end), keys)];
    }
  }

  function* tokensIn(text, pattern, mark) {
    for (const [at, , end, count] of secretsIn(text, pattern, TOKEN_PART, 0)) {
      const token = text.slice(at, end).replace(/(?<!\.)\.+$/, "");
      const before = text.slice(Math.max(0, at - WHOLE - 6), at);
      if ((pattern === TOKEN && token.includes(".")) || (count > LONG_PART && !IN_KEY.test(before))) yield [at, at + token.length, mark];
    }
  }

  function* matchesIn(text, net) {
    const spans = net.flatMap((pattern) =>
      [...text.matchAll(pattern)].flatMap((found) => {
        const end = found.index + found[0].length;
        const secret = found.findLast((group) => group !== undefined);
        STANDS_FOR.lastIndex = end - secret.length;
        return found.length > 1 && STANDS_FOR.test(text) ? [] : [[end - secret.length, end]];
      }),
    );
    let last = 0;
    for (const [start, end] of spans.sort(([a, b], [c, d]) => a - c || b - d)) {
      if (start >= last) yield [start, end, "[secret-removed]"];
      else if (end > last) yield [last, end, ""];
      last = Math.max(last, end);
    }
  }

  // Takes out what stands in columns whose headings say that they are secrets.
  function withoutCells(text) {
    let sign = "";
    let headings = [];
    return text.split("\n").map((line) => {
      const cells = sign ? line.split(sign) : [];
      const isRow = sign && cells.length === headings.length;
      const left = isRow ? cells.map(withoutCell, headings).join(sign) : line;
      const hasHeading = (each) => line.includes(each) && line.split(each).some((cell) => HEADING.test(cell));
      const other = [..."\t|;,"].find(hasHeading) ?? "";
      if (!isRow || (other && other !== sign)) {
        sign = other;
        headings = other ? line.split(other) : [];
      }
      return left;
    }).join("\n");
  }

  function withoutCell(cell, index) {
    const [whole, secret] = (HEADING.test(this[index]) && cell.match(CELL)) || [""];
    STANDS_FOR.lastIndex = 0;
    if (!whole || STANDS_FOR.test(secret)) return cell;
    return `${whole.slice(0, whole.length - secret.length)}[secret-removed]${cell.slice(whole.length)}`;
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
    if (name.toLowerCase().endsWith("cookie")) {
      const quote = value[0] in UNESCAPED && value.length > 1 && value.endsWith(value[0]) ? value[0] : "";
      return STAND_IN.test(value) ? value : `${quote}[secret-removed]${quote}`;
    }
    const [before, scheme = ""] = value.match(OPENING);
    const rest = value.slice(before.length);
    const kind = scheme.trim().toLowerCase();
    const closing = rest.match(kind === "digest" ? END_OF_DIGEST : CLOSING)?.[0] ?? "";
    const credential = rest.slice(0, rest.length - closing.length);
    if (!credential || MARKED.test(credential) || STAND_IN.test(credential)) return value;
    let left = mark(credential.replace(EDGES, ""), keys);
    if (["basic", "digest"].includes(kind)) left = "[secret-removed]";
    else if (credential.replace(SESSION_TOKEN, (token, dot) => (dot ? "" : token)) === "") left = "[token-removed]";
    return before + left + closing;
  }

  return (text, keys) => {
    let clean = replaceFound(text, (view) => matchesIn(view, [IN_BYTES]));
    const tokens = (view) => tokensIn(view, TOKEN, "[token-removed]");
    const others = (view) => tokensIn(view, PERSONAL, "[secret-removed]");
    clean = replaceFound(replaceFound(clean, tokens), (view) => keysIn(view, keys));
    clean = replaceFound(clean, others, WHOLE_TOKEN);
    clean = clean.replace(HEADER, (_, quote, name, colon, rest) => {
      const start = rest.match(BEFORE_VALUE)[0].length;
      const value = rest.slice(start);
      const end = endOfValue(quote, colon, value);
      return quote + name + colon + rest.slice(0, start) + withoutCredential(name, value.slice(0, end), keys) + value.slice(end);
    });
    clean = clean.replace(OPTION, "$1$2[secret-removed]").replace(SESSION_TOKEN, (token, dot) => (dot ? "[token-removed]" : token));
    for (const pattern of [FIELD, QUERY, BEARER]) clean = clean.replace(pattern, "$1[secret-removed]");
    const alone = clean.replace(EDGES, "");
    if (ALONE.test(alone) && !ID.test(alone)) clean = mark(alone, keys);
    clean = replaceFound(withoutCells(clean), others);
    return withoutCells(replaceFound(clean, (view) => matchesIn(view.replace(MARK, (each) => "[".repeat(each.length)), NET)));
  };
})();

// How many marks of what was taken out a text holds.
const countRemoved = (text) => text.match(/\[(?:key|secret|token)-removed/g)?.length ?? 0;
