"""What a buyer is told when a request is refused or an answer ends early.

Sentences that clients look for stay as they are and get a Chinese one behind: Claude Code compacts a conversation when
it reads `prompt is too long`.
"""

from __future__ import annotations

REFUSALS = {
    "The request is not valid HTTP.": "请求不是有效的 HTTP。",
    "There is no such path. Use /v1/chat/completions, /v1/responses, /v1/messages, /v1/completions, /v1/embeddings or "
    "/v1/models.":
        "没有这个路径。请使用 /v1/chat/completions、/v1/responses、/v1/messages、/v1/completions、/v1/embeddings 或 "
        "/v1/models。",
    "This path does not answer that method. See the Allow header.": "此路径不支持该方法。请看 Allow 应答头。",
    "This endpoint of the interface is not offered here.": "此处不提供该接口的这个端点。",
    "A key in the address ends up in logs. Send it as `Authorization: Bearer KEY`, and replace this one.":
        "地址中的密钥会留在日志里。请用 `Authorization: Bearer 密钥` 发送，并更换此密钥。",
    "There is no API key in the request. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.":
        "请求中没有 API 密钥。请用 `Authorization: Bearer 密钥` 或 `x-api-key: 密钥` 发送。",
    "This API key is not known. Check that it was copied whole, or create a new one.":
        "未知的 API 密钥。请检查是否复制完整，或创建新的密钥。",
    "This API key has been revoked. Create a new one.": "此 API 密钥已被吊销。请创建新的密钥。",
    "This API key has expired. Create a new one.": "此 API 密钥已过期。请创建新的密钥。",
    "This account is not active. Ask your operator to open it again.": "该账户已停用。请联系运营方重新开通。",
    "This gateway is shutting down. Try again.": "本网关正在停机。请重试。",
    "This gateway takes no work now, because its disk is full. Try again later.":
        "本网关磁盘已满，暂不受理请求。请稍后再试。",
    "This gateway has lost touch with its books. Try again later.": "本网关与账簿失去联系。请稍后再试。",
    "The request body is too large. Send less.": "请求体过大。请减少内容。",
    "The request did not arrive in time.": "请求未能按时到达。",
    "Too much is in flight for this account.": "该账户同时进行的请求过多。",
    "The request body is not valid JSON. Send one JSON object.": "请求体不是有效的 JSON。请发送一个 JSON 对象。",
    "A field of the request is not valid.": "请求中有字段无效。",
    "There is no such model. List them with GET /v1/models.": "没有这个模型。请用 GET /v1/models 列出。",
    "This API key may not use that model. List what it may use with GET /v1/models.":
        "此 API 密钥无权使用该模型。请用 GET /v1/models 列出可用的模型。",
    "This model is not offered at this endpoint.": "该模型不在此端点提供。",
    "The request asks for something that is not offered.": "请求要求了不提供的内容。",
    "There is no such object for this account.": "该账户没有这个对象。",
    "prompt is too long for this model. Shorten it.": "prompt is too long for this model. 输入对该模型过长，请缩短。",
    "prompt is too long: {} tokens > {} maximum":
        "prompt is too long: {0} tokens > {1} maximum。输入有 {0} 个 token，上限 {1}，请缩短。",
    "This model's maximum context length is {} tokens. However, your messages resulted in {} tokens. Please reduce the "
    "length of the messages.":
        "This model's maximum context length is {0} tokens. However, your messages resulted in {1} tokens. "
        "该模型的上下文上限是 {0} 个 token，您的消息有 {1} 个，请缩短。",
    "The balance of this account does not cover the request. Top it up and try again.":
        "账户余额不足以支付此请求。请充值后再试。",
    "There is no capacity for this model now. Try again shortly.": "该模型目前没有可用容量。请稍后再试。",
    "The model's server refused the request.": "模型服务器拒绝了请求。",
    "The model's server failed. Nothing was charged; try again.": "模型服务器出错。未收取费用，请重试。",
    "The model's server did not answer in time. Nothing was charged; try again.":
        "模型服务器未按时应答。未收取费用，请重试。",
    "Something went wrong here; try again.": "我们这里出错了，请重试。",
}
ENDS = {
    "The answer was cut because the balance of this account is used up. Top it up and ask again.":
        "账户余额已用尽，回答被截断。请充值后再问。",
    "The answer was capped at what the balance of this account could fund. Top it up and ask again.":
        "回答受账户余额所限。请充值后再问。",
    "The answer was cut because this gateway is shutting down. Ask again.": "本网关正在停机，回答被截断。请再问一次。",
    "The model's server ended the answer early. What was written so far is all there is.":
        "模型服务器提前结束了回答。已写出的就是全部内容。",
    "The answer was cut at a limit of this gateway. Ask for less at once.":
        "回答达到本网关的限制而被截断。请一次少要一些。",
}
GATEWAY = {
    "There is no model {}.{} List them with GET /v1/models.": "没有模型 {0}。{1}请用 GET /v1/models 列出。",
    "The model {} is not offered at this endpoint. Use {}.": "模型 {0} 不在此端点提供。请使用 {1}。",
    "does not speak {}": "不支持 {0} 接口",
    "This request goes on from something that an upstream keeps, and nobody who keeps it may serve it.":
        "此请求接续上游保存的内容，而保存它的上游都不可用。",
    "Send the full input.": "请发送完整的输入。",
    "The model's server failed in the middle of the answer.": "模型服务器在回答中途出错。",
    "The model's server, asked as {}, says:": "模型服务器（以 {0} 接口询问）说：",
    "The model's server, asked as {}, says: {}": "模型服务器（以 {0} 接口询问）说：{1}",
    "This gateway has too many bytes of requests in flight. Try again shortly.":
        "本网关正在处理的请求数据过多。请稍后再试。",
    "This gateway has too many connections. Try again shortly.": "本网关连接过多。请稍后再试。",
    "Too many bytes of requests are in flight for this account.": "该账户正在处理的请求数据过多。",
    "The request body is larger than {} bytes.": "请求体超过 {0} 字节。",
    "The request head did not arrive in time.": "请求头未能按时到达。",
    "The request has more than {} headers.": "请求头超过 {0} 个。",
    "The address is longer than {} bytes.": "地址超过 {0} 字节。",
    "The headers are larger than {} bytes.": "请求头合计超过 {0} 字节。",
    "The request has no host header.": "请求没有 host 头。",
    "The only transfer coding that is taken is chunked.": "传输编码只支持 chunked。",
    "HTTP/{} is not spoken here. Use HTTP/1.1.": "此处不支持 HTTP/{0}。请使用 HTTP/1.1。",
    "A transfer coding needs HTTP/1.1.": "传输编码需要 HTTP/1.1。",
    "The header {} occurs twice.": "请求头 {0} 出现了两次。",
    "The input of this model's requests cannot be counted beforehand: a server that may answer them does not say. The "
    "usage that is billed stands in each answer.":
        "该模型的输入无法事先计数：可能应答的服务器不提供。计费用量见每个回答。",
    "What an upstream keeps cannot be counted. Send the full input.": "上游保存的内容无法计数。请发送完整的输入。",
    "Too many questions about inputs are in flight for this account.": "该账户同时进行的输入计数请求过多。",
    "This account's rate card has no price for that model.": "该账户的费率表没有为此模型定价。",
    "Too many requests were sent ahead of their answers.": "在应答之前发送了过多请求。",
    "it is larger than {} bytes": "超过 {0} 字节",
    "Connections are neither tunnelled nor upgraded here.": "此处不支持隧道和协议升级。",
    "The request body is not valid HTTP: {}.": "请求体不是有效的 HTTP：{0}。",
    "The request head is not valid HTTP: {}.": "请求头不是有效的 HTTP：{0}。",
    "The control process does not answer. Inference goes on; try this again in a moment.":
        "控制进程没有响应。推理照常；请稍后再试。",
    "a stream was asked for, and something else came": "要求流式，得到的却不是",
    "the answer is not one of this dialect": "应答不符合此接口",
    "the answer is larger than is taken": "应答超过可接受的大小",
    "the upstream reported an error in mid-stream": "上游在流式回答中途报错",
    "the stream ended before its last event": "流在最后一个事件之前结束",
    "the certificate in use": "当前证书",
    "{} must begin with {} and name a host.": "{0} 必须以 {1} 开头并写明主机。",
    "{} is not an address ({}).": "{0} 不是地址（{1}）。",
    "{} and {} are not a certificate chain and its key: {}": "{0} 与 {1} 不是证书链及其私钥：{2}",
    "{} or {} cannot be read: {}": "{0} 或 {1} 无法读取：{2}",
    "it has more than {} headers": "应答头超过 {0} 个",
    "its head is larger than {} bytes": "应答头超过 {0} 字节",
    "it switches protocols": "它切换了协议",
    "it is compressed ({})": "它被压缩了（{0}）",
    "the connection was closed in the middle of the answer": "连接在应答中途关闭",
    "the connection was closed before the answer": "连接在应答之前关闭",
    "an upstream's address and credential are visible ASCII characters without spaces":
        "上游的地址与凭据须为不含空格的可见 ASCII 字符",
    "{} is not an upstream's address": "{0} 不是上游地址",
    "anthropic-version: {} is not spoken here. Send {}.": "anthropic-version: 此处不支持 {0}。请发送 {1}。",
}
ROWS = REFUSALS | ENDS | GATEWAY
