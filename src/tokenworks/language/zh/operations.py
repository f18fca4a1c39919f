"""What operations do, what their fields mean, and what the REST API answers."""

from __future__ import annotations

NOUNS = {
    "Who pays: accounts, their wallets and statements.": "付费方：账户、钱包与对账单。",
    "API keys of accounts.": "账户的 API 密钥。",
    "What is sold under a name.": "以某个名称出售的模型。",
    "Where the tokens of a model come from.": "模型的 token 从何而来。",
    "What usage costs.": "用量的价格。",
    "What was asked, what it cost, and why.": "请求了什么、花了多少、为什么。",
    "The books: balances, entries, checks.": "账簿：余额、分录、核对。",
    "Who changed what, and what was refused.": "谁改了什么，什么被拒绝。",
    "The workers that sell. Without a command: run one worker alone, as `up` does.":
        "负责出售的工作进程。不带子命令时单独运行一个工作进程，与 `up` 所做的相同。",
}
FIELDS = {
    "Rate card, by its name.": "费率表的名称。",
    "RFC 3339 with an offset, like 2027-01-31T00:00:00Z.": "带时区的 RFC 3339 时间，如 2027-01-31T00:00:00Z。",
    "Account, by its id.": "账户 ID。",
    "Id to give it; else one is drawn.": "指定 ID；不写则自动生成。",
    "What people call it.": "供人阅读的名称。",
    "Account above it.": "上级账户。",
    "Rate card that prices what it buys (standard).": "为其购买计价的费率表（standard）。",
    "Rate card that prices what it buys.": "为其购买计价的费率表。",
    "Only the accounts right under this one.": "只列出该账户的直接下级。",
    "Currency of its wallet (CNY).": "钱包的币种（CNY）。",
    "Only what this operation did, like account.change.": "只列出该操作的记录，如 account.change。",
    "Only what this one did: admin:ID, or control.": "只列出该操作者的记录：admin:ID 或 control。",
    "No: new requests are refused at once, running ones end as they are.":
        "设为否：立即拒绝新请求，进行中的请求照常结束。",
    "Also those that are over.": "包括已经结束的。",
    "Allow an address in a private network or on this machine.": "允许使用内网或本机地址。",
    "Decimal number in the account's currency, like 12.50.": "以账户币种计的十进制金额，如 12.50。",
    "Decimal number; left out: all that the lot has and no gateway holds.":
        "十进制金额；不写则为该批次中未被网关占用的全部金额。",
    "Also when the host was heard a moment ago: what it sells from now on is your loss.":
        "即使该主机刚刚还有响应也照做：此后它售出的用量由您承担。",
    "Groups, with commas: account, model, key, day.": "分组方式，用逗号分隔：account、model、key、day。",
    "PEM file of the authority that signed the upstream's certificate.": "签发上游证书的机构的 PEM 文件。",
    "Only entries of this cause, like topup or usage.": "只列出该事由的分录，如 topup 或 usage。",
    "Tokens of input and output together.": "输入与输出合计的 token 上限。",
    "Rate card of what the upstream charges us.": "上游向我们收费所用的费率表。",
    "What a stream costs whose gateway died: bill what was delivered, or waive it.":
        "网关进程崩溃时流式回答如何收费：按已交付部分收费（bill），或免收（waive）。",
    "Currency, or other unit, of the prices.": "价格的币种或其他计量单位。",
    "Go on after an earlier page: its next_cursor.": "从上一页继续：填上一页的 next_cursor。",
    "Deployment, by its name.": "部署的名称。",
    "A digest noted earlier, which must still stand in the trail.": "先前记下的摘要，审计记录中必须仍有它。",
    "What it speaks; left out: what its engine speaks.": "它支持的接口；不写则为其引擎所支持的接口。",
    "No: out of routing; running requests end as they are.": "设为否：不再向它路由，进行中的请求照常结束。",
    "Whose fields and figures apply.": "按哪种引擎的字段与用量数据处理。",
    "An answer that the upstream broke off: bill what was delivered, or waive it.":
        "上游中断的回答如何收费：按已交付部分收费（bill），或免收（waive）。",
    "When a client hangs up: cancel upstream, drain to the end and bill, or waive.":
        "客户端断开时：取消上游请求（cancel）、读完并收费（drain），或免收（waive）。",
    "Host, by its id: the first part of its gateways' names.": "主机 ID：其网关名称的第一段。",
    "Only what happened to the one of this id or name.": "只列出与该 ID 或名称有关的记录。",
    "Only while it is at this version, as an answer told it; 0: only where there is none yet.":
        "仅当其版本仍为此值时执行（版本见先前的应答）；0：仅当尚不存在时执行。",
    "Tokens of the largest image; 0 refuses images.": "单张图片最多折算的 token 数；0 表示拒绝图片。",
    "API key, by its id (not its text).": "API 密钥的 ID（不是密钥文本）。",
    "Paid for, or granted.": "已付费（paid）或赠送（granted）。",
    "Only what happened to this kind of thing, like account, lot, gateway.":
        "只列出与该类对象有关的记录，如 account、lot、gateway。",
    "Labels by name, for whoever reads them.": "自定义标签，按名称填写。",
    "Account of the ledger, like wallet:lot_… or revenue:….": "账本科目，如 wallet:lot_… 或 revenue:…。",
    "Lot of a wallet, by its id.": "钱包批次的 ID。",
    "What it makes.": "它产出的内容类型。",
    "Model, by the name it is sold under.": "模型的出售名称。",
    'Prices by model, "*" for any other; per million tokens, as JSON.':
        '各模型的价格，"*" 代表其他模型；每百万 token，JSON 格式。',
    "Only these models; left out: all.": "只限这些模型；不写则不限。",
    "What people call it, like laptop.": "供人阅读的名称，如 laptop。",
    "Note, by its number.": "审计记录的编号。",
    "Only what ended so: done, refused, failed.": "只列出该结果的记录：done、refused、failed。",
    "Only requests that ended so, like ok, refused, cut, client_gone.":
        "只列出该结果的请求，如 ok、refused、cut、client_gone。",
    "Tokens of one answer; left out: the whole context.": "单次回答的 token 上限；不写则为整个上下文。",
    "Ours: request fields that we do not know are refused.": "自有部署：拒绝未知的请求字段。",
    "Only ledger accounts that begin so: wallet:, revenue:, funding:, overrun:, waived:, cost:, payable:.":
        "只列出以此开头的账本科目：wallet:、revenue:、funding:、overrun:、waived:、cost:、payable:。",
    "What its stream tells of usage; left out: what its engine is known for.":
        "流式回答中的用量数据是哪一种；不写则按其引擎的惯例。",
    "HTTP proxy on the way to it.": "访问它所经过的 HTTP 代理。",
    "Your own note, like the number of an invoice.": "自填备注，如发票号。",
    "Request, by the id that its answer carried in x-request-id.": "请求 ID，即应答头 x-request-id 的值。",
    "Only what the call of this id did.": "只列出该调用 ID 的记录。",
    "What was done about it.": "如何处理的。",
    "Where its key is: env:TOKENWORKS_SECRET_NAME or file:/path, never the key itself.":
        "其密钥所在：env:TOKENWORKS_SECRET_NAME 或 file:/路径，不要填密钥本身。",
    "Let accounts share the engine's prompt cache: faster, but timing tells of others' prompts.":
        "允许各账户共用引擎的提示缓存：更快，但响应时间可能泄露他人的提示。",
    "Record in suspense, by its id.": "挂账记录的 ID。",
    "How tokens are counted where none are reported: tokenworks-tiny, or file:/path/tokenizer.json.":
        "上游未报告用量时如何计数：tokenworks-tiny 或 file:/路径/tokenizer.json。",
    "The model's name there; left out: the same.": "模型在上游的名称；不写则同名。",
    "Address without /v1, like https://api.example.com; embedded: is the engine beside.":
        "不带 /v1 的地址，如 https://api.example.com；embedded: 表示内嵌引擎。",
    "Who made it.": "模型的厂商。",
    "When it takes over: {} Left out: now.": "生效时间：{0}不写则立即生效。",
    "When it ends: {}": "结束时间：{0}",
    "Rows of a page, at most {} (50).": "每页行数，最多 {0}（默认 50）。",
    "From then on: {}": "起始时间（含）：{0}",
    "Before then: {}": "截止时间（不含）：{0}",
}
VERBS = {
    "Open an account. It can buy once it has a key, a rate card that prices the model, and credit in its wallet.":
        "开立账户。有了密钥、为模型定价的费率表和钱包余额，就可以购买。",
    "List accounts. In the order of their ids, with their balances.": "列出账户及其余额，按 ID 排序。",
    "Show an account. With what it has not spent.": "查看账户及其余额。",
    "Change an account. Closing it (`active` false) refuses new requests at once; running ones end as they are.":
        "修改账户。停用（`active` 为 false）后立即拒绝新请求，进行中的请求照常结束。",
    "Make an API key. Its text is in `secret`, now and never again; gateways know it within a second.":
        "创建 API 密钥。密钥文本在 `secret` 中，仅此一次可见；各网关在一秒内生效。",
    "List API keys. Without their texts.": "列出 API 密钥，不含密钥文本。",
    "Show an API key. Without its text.": "查看 API 密钥，不含密钥文本。",
    "Revoke an API key. Connected gateways refuse it within a second; it cannot be undone.":
        "吊销 API 密钥。已连接的网关在一秒内拒绝它；不可撤销。",
    "Show what an account has. Lot by lot, in the order of their making.": "查看账户的钱包，逐批次，按建立顺序。",
    "Put credit into an account's wallet. Requests and streams that wait for credit get it at once.":
        "为账户钱包充值。正在等待额度的请求和流式回答立即可用。",
    "Give back what a lot has left. Credit lent to gateways stays until they return it.":
        "退还批次中剩余的金额。已借给网关的额度要等其归还。",
    "Set a rate card. Makes its next version; requests that began before are rated by the version they began with.":
        "设置费率表。生成下一个版本；此前开始的请求仍按其开始时的版本计价。",
    "List rate cards. Every version of each.": "列出费率表及其全部版本。",
    "Show a rate card. All its versions.": "查看费率表的全部版本。",
    "Set a model. Makes it, or replaces what is known of it.": "设置模型。不存在则新建，存在则替换。",
    "List models. In the order of their names.": "列出模型，按名称排序。",
    "Show a model. As gateways know it.": "查看网关所知的模型信息。",
    "Stop selling a model. Its deployments must be removed first.": "停止出售模型。须先移除它的部署。",
    "Add a source of a model. Requests go to it as soon as gateways know it, within a second.":
        "添加模型的来源。各网关在一秒内得知，随即开始路由。",
    "List deployments. In the order of their names.": "列出部署，按名称排序。",
    "Show a deployment. Its secret is shown as the reference that it is.": "查看部署。其凭据只显示引用。",
    "Change a deployment. `enabled` false takes it out of routing; running requests end as they are.":
        "修改部署。`enabled` 为 false 时不再向它路由，进行中的请求照常结束。",
    "Remove a deployment. Its past requests keep its name.": "移除部署。过去的请求仍保留它的名称。",
    "List requests. Newest first.": "列出请求，最新的在前。",
    "Explain a request. Admission, attempts, usage with basis and raw object, rating line by line, hold, ledger.":
        "解释一个请求：准入、各次尝试、用量及其依据与原始数据、逐行计价、预占、账本。",
    "Sum up usage. Exact sums over requests, by model unless asked otherwise.":
        "汇总用量。对请求精确求和，默认按模型分组。",
    "List ledger balances. The exact fold of every posting, by ledger account and currency.":
        "列出账本余额。按科目与币种对全部记账行精确汇总。",
    "List ledger entries. Newest booked first, with their postings.": "列出账本分录及其记账行，最新入账的在前。",
    "Show a statement. Every movement of an account's wallet with the balance after it, oldest first.":
        "查看对账单。账户钱包的每笔变动及其后余额，最早的在前。",
    "Check the books. Entries, lots, leases and requests against each other, exactly.":
        "核对账簿。分录、批次、租约与请求相互精确核对。",
    "Start a new epoch. After a database was restored or failed over: leases of before cut no more holds.":
        "开始新的纪元。数据库恢复或切换之后使用：此前的租约不能再预占。",
    "List records in suspense. What could not be posted and waits for a person.":
        "列出挂账记录：无法入账、等待人工处理的记录。",
    "Resolve a record in suspense. Notes what was done about it; the record stays.":
        "处理挂账记录。写明如何处理；记录本身保留。",
    "List gateways. Each worker with its state and how far its journal is in the books.":
        "列出网关：每个工作进程的状态，以及其流水入账到何处。",
    "Give up a host that is gone for good. Its credit in doubt returns; what its journals still say is overrun. "
    "Refused while one of its gateways was heard within the last 30 seconds: it sells, and what it sells from then on "
    "would be at the operator's cost. `force` does it all the same.":
        "放弃一台已永久离线的主机。其存疑额度归还；其流水中此后的记录计为超支。若其网关在最近 30 秒内还有响应则拒绝，"
        "因为它仍在出售，此后售出的用量将由运营方承担。`force` 强制执行。",
    "List the audit trail. Newest first: changes of operators, and what they were refused.":
        "列出审计记录，最新的在前：运营方的改动，以及被拒绝的操作。",
    "Show a note of the audit trail. With every field that changed, before and after.":
        "查看一条审计记录，含每个改动字段的前后值。",
    "Check the audit trail. That no note was changed, put in or taken out since it was written.":
        "核对审计记录：写入之后没有被改动、插入或删除。",
}
REMARKS = {
    "{} is not a unit; use one of {}": "{0} 不是计量单位；请用 {1} 之一",
    "{} is in {}, the account in {}": "{0} 的币种是 {1}，账户的币种是 {2}",
    "write the 64 hexadecimal digits that `tokenworks audit verify` showed":
        "请填写 `tokenworks audit verify` 所显示的 64 位十六进制数",
    "say the secret again with the new address: it was given for the old one only":
        "更换地址时请重新给出凭据：原凭据只用于旧地址",
    "The embedded engine is of kind llamacpp and needs no secret.": "内嵌引擎的类型是 llamacpp，不需要凭据。",
    "write an absolute path to a PEM file": "请填写 PEM 文件的绝对路径",
    "name at least one of {}": "至少写出 {0} 之一",
    "{} cannot keep accounts' prompt caches apart in {}. Start it without one, or let accounts share it, and say so "
    "with share_prefix_cache.":
        "{0} 在 {1} 接口中无法按账户隔离提示缓存。请关闭其缓存后启动，或用 share_prefix_cache 声明允许各账户共用。",
    "The host {} was heard {} s ago: it is there, and what it sells once it is forgotten is the operator's loss. Stop "
    "it and ask again {} s later, or send `force` if it cannot be stopped and its credit is needed now.":
        "主机 {0} 在 {1} 秒前还有响应：它仍在运行，放弃之后它售出的用量由运营方承担。请先停止它，{2} 秒后再试；"
        "若无法停止而又急需其额度，请发送 `force`。",
    "lies in the past": "已经过去",
    'write "", "tokenworks-tiny" or "file:/path/tokenizer.json"':
        '请填写 ""、"tokenworks-tiny" 或 "file:/路径/tokenizer.json"',
    "Deployment {} serves {}. Remove the model's deployments first.": "部署 {0} 正在提供 {1}。请先移除该模型的部署。",
    "The newest version of rate card {} is {}, not {}. Read it again, then decide.":
        "费率表 {0} 的最新版本是 {1}，不是 {2}。请重新读取后再决定。",
    "write a reference, env:TOKENWORKS_SECRET_<NAME> or file:/path, never the key itself":
        "请填写引用：env:TOKENWORKS_SECRET_<名称> 或 file:/路径，不要填密钥本身",
    "a file: reference needs an absolute path": "file: 引用须为绝对路径",
    "none is set": "尚未设置",
    "{} is outside the directories of secrets.dirs ({})": "{0} 不在 secrets.dirs 所列目录（{1}）之内",
    "it must be printable ASCII without spaces, and not empty": "须为不含空格的可见 ASCII 字符，且不为空",
    "set {} in the environment of the control process": "请在控制进程的环境中设置 {0}",
    "not a small regular file": "不是小的普通文件",
    "not UTF-8 text": "不是 UTF-8 文本",
    "leave out the /v1 at the end: the endpoint's path is added per request":
        "请去掉末尾的 /v1：接口路径会按请求添加",
    "only printable ASCII without spaces is allowed": "只允许不含空格的可见 ASCII 字符",
    "write http://host[:port][/prefix] or https://..., or embedded: for the engine beside":
        "请写 http://主机[:端口][/前缀] 或 https://...，或用 embedded: 表示内嵌引擎",
    "no user, password or port 0 in the address: a credential goes into secret":
        "地址中不能有用户名、密码或端口 0：凭据请放入 secret",
    "no ? and no # in the address": "地址中不能有 ? 和 #",
    "use some of {}, with commas": "请从 {0} 中选用，以逗号分隔",
    "{} has no offset; write it like 2027-01-31T00:00:00Z": "{0} 没有时区；请写成 2027-01-31T00:00:00Z 的形式",
    "write 1 to 128 letters, digits or . _ : / @ -, beginning with a letter or digit":
        "请写 1 到 128 个字母、数字或 . _ : / @ -，以字母或数字开头",
    "write one line of at most {} printable characters": "请写一行，最多 {0} 个可见字符",
    "write a number from 1 to {}": "请写 1 到 {0} 之间的数",
    "{} is not a time; write it like 2027-01-31T00:00:00Z": "{0} 不是时间；请写成 2027-01-31T00:00:00Z 的形式",
    "must be above zero": "必须大于零",
}
API = {
    "There is nothing at {}.": "{0} 处没有任何内容。",
    "Something went wrong here.": "我们这里出错了。",
    "back: write a number from 0 to 1000.": "back: 请写 0 到 1000 之间的数。",
    "{} does not answer {}.": "{0} 不接受 {1} 方法。",
    "This was done before, and its answer holds a secret that was not kept. Revoke what was made and make another.":
        "此操作先前已完成，其应答含有未保存的密钥。请吊销已创建的密钥并另行创建。",
    "The body is {}; this API takes application/json.": "请求体是 {0}；本 API 只接受 application/json。",
    "The body is JSON, but not an object.": "请求体是 JSON，但不是对象。",
    "There is no field {}. {}": "没有字段 {0}。{1}",
    "At most {} bytes.": "最多 {0} 字节。",
    "{} stands in the path already. Leave it out of the body.": "{0} 已在路径中。请从请求体中去掉。",
    "The body is not JSON: {}.": "请求体不是 JSON：{0}。",
    "{} stands twice in the query. Send it once.": "{0} 在查询参数中出现了两次。请只写一次。",
    "{} is required.": "缺少必填字段 {0}。",
    "There is no admin token in the request.": "请求中没有管理令牌。",
    "The token is not the admin token of this host.": "该令牌不是本主机的管理令牌。",
    "Idempotency-Key: write at most {} printable characters.": "Idempotency-Key: 最多 {0} 个可见字符。",
    "This Idempotency-Key came with another request before.": "此 Idempotency-Key 先前用于另一个请求。",
    "The key that asks, its account and what is left.": "发起查询的密钥、其账户与余额。",
    "What a request of this account used and cost, once it is booked.": "本账户某个请求的用量与费用，入账后可查。",
    "There is no API key in the request.": "请求中没有 API 密钥。",
    "This API key has been revoked.": "此 API 密钥已被吊销。",
    "This API key has expired.": "此 API 密钥已过期。",
    "This API key is not known.": "未知的 API 密钥。",
    "No request {} of this account is in the books. One that has just ended is there in a moment.":
        "账簿中没有本账户的请求 {0}。刚结束的请求稍后即可查到。",
    "The body is not JSON": "请求体不是 JSON",
    "Send one JSON object in UTF-8.": "请发送一个 UTF-8 编码的 JSON 对象。",
    "No admin token": "没有管理令牌",
    "Send `Authorization: Bearer <token>`; it is in admin.token of the state directory.":
        "请发送 `Authorization: Bearer <令牌>`；令牌在状态目录的 admin.token 文件中。",
    "Not the admin token": "不是管理令牌",
    "Compare with admin.token in the state directory.": "请与状态目录中的 admin.token 核对。",
    "No API key": "没有 API 密钥",
    "Send `Authorization: Bearer KEY` or `x-api-key: KEY`.":
        "请发送 `Authorization: Bearer 密钥` 或 `x-api-key: 密钥`。",
    "Not an API key that buys here": "不是可在此购买的 API 密钥",
    "Compare it with the one you were given, or ask for another.": "请与收到的密钥核对，或索取新的密钥。",
    "No such thing": "不存在",
    "List what there is first.": "请先列出现有的内容。",
    "No such path": "没有这个路径",
    "GET /api/v1/openapi.json lists every path.": "GET /api/v1/openapi.json 列出全部路径。",
    "Not with this method": "不支持此方法",
    "The allow header names the methods of this path.": "allow 应答头列出此路径支持的方法。",
    "Not as things stand": "与当前状态冲突",
    "Read the current state, then decide.": "请读取当前状态后再决定。",
    "The Idempotency-Key was used for another request": "此 Idempotency-Key 已用于另一个请求",
    "Use a new key.": "请换一个新的键。",
    "The body is too large": "请求体过大",
    "Split the request.": "请拆分请求。",
    "Not JSON": "不是 JSON",
    "Send `Content-Type: application/json`.": "请发送 `Content-Type: application/json`。",
    "A field is not right": "字段有误",
    "Mend the field and send it again.": "请改正该字段后重新发送。",
    "Our fault": "我们的故障",
    "Look for the request_id in the log of the control process.": "请在控制进程的日志中查找此 request_id。",
    "The books cannot be reached": "无法访问账簿",
    "Try again in a moment.": "请稍后再试。",
    "Something that must hold does not; the log of the control process says more.":
        "某项必须成立的条件未成立；详见控制进程的日志。",
}
ROWS = NOUNS | FIELDS | VERBS | REMARKS | API
