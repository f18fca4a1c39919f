"""What is wrong with a field of a request, and what became of a field on the way to another interface.

Many are predicates: the field's path stands before them.
"""

from __future__ import annotations

READING = {
    "{}: field required. Add it to the request.": "{0}: 缺少必填字段。请在请求中补上。",
    "{} must be {}, got {}.": "{0} 必须是{1}，收到的是 {2}。",
    "{} must be {}.": "{0} 必须是{1}。",
    "a string": "字符串", "a number": "数字", "a whole number": "整数", "a list": "列表", "an object": "对象",
    "a boolean": "布尔值", "a list of strings": "字符串列表", "a list of objects": "对象列表", "null": "null",
    'an object such as {"include_usage": true}': '对象，如 {"include_usage": true}',
    "{} must be a number of tokens between 0 and {}, got {}.": "{0} 必须是 0 到 {1} 之间的 token 数，收到的是 {2}。",
    "{} must be between 1 and {}, got {}.": "{0} 必须在 1 到 {1} 之间，收到的是 {2}。",
    "{} must be a list of strings or one of token numbers, not a mixture.":
        "{0} 必须是字符串列表或 token 编号列表，不能混用。",
    "The request body is JSON, but not an object. Send one JSON object.":
        "请求体是 JSON，但不是对象。请发送一个 JSON 对象。",
    "The request body is nested too deeply. Send flatter JSON.": "请求体嵌套过深。请发送层次更浅的 JSON。",
    "The request body is not valid JSON ({}). Send one JSON object.":
        "请求体不是有效的 JSON（{0}）。请发送一个 JSON 对象。",
    "{} stands twice in the request. Send it once.": "{0} 在请求中出现了两次。请只写一次。",
    "{} must be a string, a list of strings, or token numbers; it is something else.":
        "{0} 必须是字符串、字符串列表或 token 编号。",
    "{} looks like {} in another spelling. Write {}.": "{0} 像是 {1} 的另一种写法。请写 {2}。",
    "{} looks like {} in another spelling. Leave it out.": "{0} 像是 {1} 的另一种写法。请去掉。",
    "{} must be an id, got {}.": "{0} 必须是 ID，收到的是 {1}。",
    "{} must be a list of objects, whose content is a string or a list of parts with a type.":
        "{0} 必须是对象列表，其 content 为字符串或带 type 的部件列表。",
    "tools must be a list of objects, each with its type.": "tools 必须是对象列表，每个都有 type。",
    "{} must be an address, or the data itself as data:TYPE;base64,DATA.":
        "{0} 必须是地址，或 data:类型;base64,数据 形式的数据本身。",
    "{} must be auto, none, required, or an object that names a tool; got {}.":
        "{0} 必须是 auto、none、required，或指明工具的对象；收到的是 {1}。",
    "{}.type must be text, json_object or json_schema, got {}.":
        "{0}.type 必须是 text、json_object 或 json_schema，收到的是 {1}。",
    "{} must be one of {}; got {}.": "{0} 必须是 {1} 之一；收到的是 {2}。",
    "must be one of {}; got {}.": "必须是 {0} 之一；收到的是 {1}。",
    "must be a whole number from 0 to {}, got {}.": "必须是 0 到 {0} 的整数，收到的是 {1}。",
    "prompt must be one string for this model. Send several prompts one by one, and no token numbers.":
        "对该模型 prompt 必须是一个字符串。多个提示请逐个发送，不要发送 token 编号。",
    "prompt must not be empty. Send a text.": "prompt 不能为空。请发送文本。",
}
RULES = {
    "is not offered here. Leave it out.": "此处不提供。请去掉。",
    "would be billed at another price, which is not offered here. Leave it out.":
        "会按另一种价格计费，此处不提供。请去掉。",
    "names something that belongs to the operator's own account. Leave it out.":
        "所指的内容属于运营方自己的账户。请去掉。",
    "would send the request to another model or place, at another price. Leave it out.":
        "会把请求发往另一个模型或地点，价格不同。请去掉。",
    "is a search that costs extra and has no price here. Leave it out.": "是另外收费的搜索，此处没有定价。请去掉。",
    "is another word for a field that decides the price. Use the interface's own field.":
        "是决定价格的字段的另一种写法。请使用接口自己的字段。",
    "would run code of yours on the server. Leave it out.": "会在服务器上运行您的代码。请去掉。",
    "would run a template of yours on the server. Leave it out.": "会在服务器上运行您的模板。请去掉。",
    "must be 1 for this model. Send one request per answer.": "对该模型必须为 1。请每个回答发送一个请求。",
    "n: must be 1 for this model. Send one request per answer.": "n：对该模型必须为 1。请每个回答发送一个请求。",
    "makes tokens that no figure shows. Leave it out.": "会产生用量数据中看不到的 token。请去掉。",
    "may only say enable_thinking, thinking, preserve_thinking or reasoning_effort here.":
        "在此只能写 enable_thinking、thinking、preserve_thinking 或 reasoning_effort。",
    "is a setting of the client library; it should not have been sent. Leave it out.":
        "是客户端库的设置，不应发送。请去掉。",
    "is not offered here. Ask for a stream instead.": "此处不提供。请改用流式。",
    "lets the upstream call other servers, which is not offered here.": "会让上游调用其他服务器，此处不提供。",
    "must be text alone: other output has no price here.": "只能是文本：其他输出此处没有定价。",
    "has no price here. Leave it out.": "此处没有定价。请去掉。",
    "would switch the prompt cache off. Leave it out.": "会关闭提示缓存。请去掉。",
    "would change your prompt. Write it into the system message.": "会改动您的提示。请写入系统消息。",
    "would reach into another account's cache. Leave it out.": "会触及其他账户的缓存。请去掉。",
    "would take the usage out of the answer. Leave it out.": "会使回答不含用量。请去掉。",
    "is not known to the server of this model. Leave it out.": "不为该模型的服务器所知。请去掉。",
    "runs on the server, costs extra and has no price here. Switch it off in your client.":
        "在服务器上运行、另外收费，此处没有定价。请在客户端中关闭它。",
    "its prefix cache cannot be kept apart by account in this dialect, and share_prefix_cache is off":
        "在此接口中其前缀缓存无法按账户隔离，而 share_prefix_cache 已关闭",
    "This model answers one prompt per request. Send them one by one.": "该模型每个请求只回答一个提示。请逐个发送。",
    "{} is not known to the server of this model. Leave it out.": "{0} 不为该模型的服务器所知。请去掉。",
    "This model takes no parts of type {}. Leave them out.": "该模型不接受 {0} 类型的部件。请去掉。",
    "Addresses are not fetched for this model. Send the data itself, as data:...;base64,...":
        "不会为该模型抓取地址。请以 data:...;base64,... 发送数据本身。",
    "This model takes no images. Leave them out.": "该模型不接受图片。请去掉。",
    "tools: the type {} {}": "tools: 类型 {0} {1}",
}
SOUND = {
    "is reasoning of another family of models, which this interface cannot give back. Leave it out.":
        "是另一系列模型的推理，此接口无法送回。请去掉。",
    "is thinking of another family of models, which this interface cannot give back. Leave it out.":
        "是另一系列模型的思考，此接口无法送回。请去掉。",
    "is a word of another interface. Send {}.": "是另一种接口的写法。请发送 {0}。",
    "is not known here. Leave the block out, or send its text as a text block.":
        "此处不认识。请去掉该块，或以文本块发送其文字。",
    "is not known here. Leave it out, or send its text as a message.": "此处不认识。请去掉，或以消息发送其文字。",
    "must be an object, what the model gave as the tool's input.": "必须是对象，即模型给出的工具输入。",
    "refers to an item that is stored elsewhere; nothing is stored here. Send the full input.":
        "引用了存于别处的条目；此处不存储任何内容。请发送完整的输入。",
    "must be an address that begins with https://. Send one, or the data itself.":
        "必须是以 https:// 开头的地址。请发送这样的地址或数据本身。",
    "is an image of {} MiB in base64; the most is {} MiB. Send a smaller one.":
        "是 base64 后 {0} MiB 的图片；最多 {1} MiB。请发送更小的图片。",
    "is no image that models read. Send a png, jpeg, gif or webp.":
        "不是模型能读的图片。请发送 png、jpeg、gif 或 webp。",
    "says {}, but the data is {}. Say {}.": "声称是 {0}，但数据是 {1}。请写 {2}。",
    "is no PDF, although it says application/pdf. Send a PDF, or name the type that it is.":
        "声称是 application/pdf，但不是 PDF。请发送 PDF，或写明实际类型。",
    "is empty. Send the {}'s bytes in base64.": "为空。请以 base64 发送其内容。",
    "is not base64. Encode the {}'s bytes in standard base64, padded and in one line.":
        "不是 base64。请用标准 base64 编码，带填充，写成一行。",
    'must be a JSON schema, an object such as {"type": "object"}.':
        '必须是 JSON schema，即 {"type": "object"} 这样的对象。',
    "must be one of {}, or a list of some; got {}.": "必须是 {0} 之一，或其中若干的列表；收到的是 {1}。",
    "must be a list of names and stand beside properties, got {}.":
        "必须是名称列表，且与 properties 并列；收到的是 {0}。",
    "must be a list of at least one value, got {}.": "必须是至少含一个值的列表，收到的是 {0}。",
    "must be a list of at least one schema, got {}.": "必须是至少含一个 schema 的列表，收到的是 {0}。",
    "must be an object whose members are schemas, got {}.": "必须是成员均为 schema 的对象，收到的是 {0}。",
    "must be a string, got {}.": "必须是字符串，收到的是 {0}。",
    "leads out of the schema, to {}; nothing is fetched. Put the definition into $defs.":
        "指向 schema 之外的 {0}；不会抓取任何内容。请把定义放入 $defs。",
    'must be a JSON schema, an object such as {"type": "object"}, got {}.':
        '必须是 JSON schema，即 {"type": "object"} 这样的对象，收到的是 {0}。',
    'must be "object": a tool is called with an object, got {}.': '必须是 "object"：工具以对象调用；收到的是 {0}。',
    "must be a whole number from 0, got {}.": "必须是不小于 0 的整数，收到的是 {0}。",
    "must be a number, got {}.": "必须是数字，收到的是 {0}。",
    "leads nowhere: there is no anchor {}.": "指向不存在之处：没有锚点 {0}。",
    "is nested too deeply. Send a flatter schema.": "嵌套过深。请发送层次更浅的 schema。",
    "has more than {} schemas inside. Send a smaller one.": "内含超过 {0} 个 schema。请发送更小的。",
    "must be a schema, which is an object, true or false; got {}.":
        "必须是 schema，即对象、true 或 false；收到的是 {0}。",
    "leads nowhere: there is no {}. Add the definition to the schema, or mend the name.":
        "指向不存在之处：没有 {0}。请在 schema 中加入定义，或改正名称。",
    "says nothing: there is nothing to answer. Send at least one message.":
        "没有内容：无可回答。请至少发送一条消息。",
    "wants a tool to be called, but there are none. Send tools, or leave it out.":
        "要求调用工具，但没有工具。请发送 tools，或去掉它。",
    "is empty. Give every call an id, and its result the same.": "为空。请给每个调用一个 ID，其结果用同一个。",
    "names the tool {}, which is not among tools. Name one of: {}.":
        "指名的工具 {0} 不在 tools 中。请用其中之一：{1}。",
}
TRANSLATED = {
    "fills in a text before its end, which a chat model does not. Leave it out.":
        "用于在文本中间填充，对话模型不支持。请去掉。",
    "repeats the prompt, which a chat model does not. Leave it out.": "会重复提示，对话模型不支持。请去掉。",
    "chooses among several answers, which is not offered for this model. Leave it out.":
        "用于在多个回答中择优，该模型不提供。请去掉。",
    "counts the characters of a text that a chat does not have. Ask at /v1/chat/completions.":
        "统计的是对话中没有的文本字符。请改用 /v1/chat/completions。",
    "names what an earlier answer left at its maker. Send the full input instead.":
        "所指的是先前回答留在其厂商处的内容。请改为发送完整的输入。",
    "names what an earlier answer left at its maker. Leave it out.": "所指的是先前回答留在其厂商处的内容。请去掉。",
    "names a prompt that is kept at another maker. Send the full input instead.":
        "所指的提示存于另一厂商。请改为发送完整的输入。",
    "is not offered here. Send the full input and ask for a stream instead.":
        "此处不提供。请改为发送完整的输入并使用流式。",
    "is for whoever keeps or routes answers, and changes none.": "只供保存或路由回答之用，不改变回答",
    "is the older word for tools, whose calls are told in another form. Send tools instead.":
        "是 tools 的旧写法，其调用形式不同。请改用 tools。",
    "is not known to the interface of this model. Leave it out.": "不为该模型的接口所知。请去掉。",
    "is not known to the interface of this model. Leave it out and cut the answer yourself.":
        "不为该模型的接口所知。请去掉，并自行截断回答。",
    "shows figures of an engine.": "显示的是引擎的数据",
    "is for how a stream is told.": "只关乎流式的讲述方式",
    "is known to no other interface.": "其他接口没有对应内容",
    "is another interface's word. Send {} instead.": "是其他接口的字段。请改用 {0}。",
    "is another interface's word, and this one gives one answer. Send one request per answer.":
        "是其他接口的字段，本接口只给出一个回答。请每个回答发送一个请求。",
    "is another interface's word, and this one has none for it. Cut the answer yourself.":
        "是其他接口的字段，本接口没有对应字段。请自行截断回答。",
    "is answered false: nothing is kept.": "应答为 false：此处不保存任何内容",
    "is answered false: nothing is kept, so send the full input each time.":
        "应答为 false：此处不保存任何内容，请每次发送完整的输入",
    "only makes answers faster.": "只是使回答更快",
    "is done by another maker. Leave it out.": "由另一厂商完成。请去掉。",
    "is for how reasoning is told, which is the interface's own way here.":
        "只关乎推理的讲述方式，此处按接口自己的方式",
    "is for another engine's template.": "用于另一种引擎的模板",
    "asks for more of what other interfaces do not have.": "要求其他接口所没有的内容",
    "cuts no input here: what is too long is refused.": "在此不会截断输入：过长的会被拒绝",
    "counts calls of tools that the upstream runs, and none are sent.": "统计上游运行的工具调用，而这里不发送此类工具",
    "edits a long conversation by another maker's rules.": "按另一厂商的规则编辑长对话",
    "marks what is to be cached, and other makers cache by themselves.": "标记要缓存的内容，而其他厂商自行缓存",
    "{} was dropped: it {}": "{0} 已去掉：它{1}。",
    "was dropped: the interface of this model has no word for it.": "已去掉：该模型的接口没有对应的写法。",
    "Send the data itself, in base64.": "请以 base64 发送数据本身。",
    "must be at most 1 for this model. It means the same up to there, and is not scaled.":
        "对该模型最多为 1。到 1 为止含义相同，不作换算。",
    "means all tokens, which is said by leaving it out.": "表示全部 token，不写即是此意。",
    "{} The answer is as good, but does not repeat.": "{0}回答同样好，但不可重现。",
    "is told as text between marks.": "以标记之间的文本讲述。",
    "is a file, and this model takes text and images alone. Send its text.":
        "是文件，而该模型只接受文本和图片。请发送其文字。",
    "is told as text.": "以文本讲述。",
    "is told as the system's.": "作为系统消息讲述。",
    "was dropped: it is sealed for its maker's models, and no other can read it.":
        "已去掉：它为其厂商的模型封存，其他模型无法读取。",
    "was dropped: the interface of this model takes no reasoning back.": "已去掉：该模型的接口不接受送回的推理。",
    "is the assistant's, and this model would answer it instead of going on. End with the user.":
        "属于助手，该模型会回答它而不是接续它。请以用户消息结尾。",
    "is the assistant's, and this model would go on from it instead of answering. End with the user.":
        "属于助手，该模型会接续它而不是回答。请以用户消息结尾。",
    "is left to the maker, who caches by himself.": "交由厂商处理，厂商自行缓存。",
    "is told as a function with one text `input`, and its calls are told back.":
        "以只有一个文本参数 `input` 的函数讲述，其调用会转换回来。",
    "leaves out the tools that it excludes.": "去掉了它所排除的工具。",
    "is asked for as JSON of the function's schema, and told back as its call.":
        "以该函数 schema 的 JSON 索取，并作为其调用转换回来。",
    "is asked for as a call that has to be made, and told back as text.": "以必须进行的调用索取，并作为文本转换回来。",
    "is told as the effort that it stands for.": "以其所代表的推理强度讲述。",
    "is told as the nearest effort that the engine knows.": "以引擎所知的最接近的推理强度讲述。",
    "goes under one name with its namespace, and is told back under its own.":
        "与其命名空间合为一个名称，并以原名转换回来。",
    "was dropped: another maker's servers run it. The model answers without it.":
        "已去掉：由另一厂商的服务器运行。模型在没有它的情况下回答。",
    "was dropped: it is for requests that are kept, and nothing is kept.":
        "已去掉：用于被保存的请求，而此处不保存任何内容。",
    "{} Say in the system message how long answers should be.": "{0}请在系统消息中说明回答应有多长。",
    "is left to the maker, who finds his cache himself.": "交由厂商处理，厂商自行查找缓存。",
    "{} was dropped: no other interface knows it.": "{0} 已去掉：其他接口没有对应内容。",
    "is not offered for this model, which tells none. Leave it out.": "该模型不提供。请去掉。",
    "must be more than white space for this model.": "对该模型不能只是空白。",
    "is an image, and this model takes none. Leave it out.": "是图片，而该模型不接受图片。请去掉。",
    "stands at an address, and none is fetched for this model. {}": "在一个地址上，而不会为该模型抓取地址。{0}",
    "is kept by another maker. {}": "存于另一厂商。{0}",
    "stands at an address, and the interface of this model takes none for files. {}":
        "在一个地址上，而该模型的接口不接受文件地址。{0}",
    "is sound, which this model does not take. Send what it says as text.":
        "是声音，该模型不接受。请以文本发送其内容。",
    "is of a type that only another interface knows. Leave it out.": "是只有另一种接口才认识的类型。请去掉。",
    "is left to the model.": "交由模型决定。",
    "is neither text nor PDF, which is all that this model reads. Send its text.":
        "既不是文本也不是 PDF，而该模型只读这两种。请发送其文字。",
    "follows the results in a message of the user, named by its call.": "跟在结果之后，置于用户消息中，以其调用命名。",
    "says so in its text.": "在其文本中说明。",
    "is told in the user's turn, marked as a reminder.": "置于用户的轮次中，标为提醒。",
    "names a tool that another maker's servers run. Leave it out.": "指名由另一厂商的服务器运行的工具。请去掉。",
    "is a tool that only another maker's models know. Declare it as a function.":
        "是只有另一厂商的模型才认识的工具。请声明为函数。",
    "was dropped: this engine knows no budget, and thinks as it does without one.":
        "已去掉：该引擎没有思考预算，按没有预算时思考。",
    "goes under a name that everybody takes, and is told back under its own.": "以通用的名称发送，回答中恢复原名。",
    "is not heeded by this model's engine at the interface that it is asked at. Leave it out.":
        "该模型的引擎在所用的接口上不遵守此项。请去掉。",
    "is raised to 16, the least that the interface of this model takes.": "已提高到 16：该模型的接口不接受更小的值。",
    "is asked for with its guarantee.": "按有保证的方式请求。",
    "is asked for without a guarantee: OpenAI gives one if objects require all their members and allow no others.":
        "请求时没有保证：对象的成员全部必填且不允许其他成员时，OpenAI 才给出保证。",
    "is sent without strict: Claude guarantees schemas whose objects allow no other members, and no bounds.":
        "发送时去掉 strict：Claude 只保证对象不允许其他成员且没有取值范围的模式。",
    "is sent without strict: OpenAI guarantees schemas whose objects require all their members and allow no others.":
        "发送时去掉 strict：OpenAI 只保证对象的成员全部必填且不允许其他成员的模式。",
    "was dropped: this model has words of its own for effort, and does as it does without one.":
        "已去掉：该模型的推理强度有自己的写法，按未指定时处理。",
    "is left out: the upstream need not know who asks.": "已去掉：上游无须知道是谁在请求。",
    "tools: {} dropped: it runs on the server, costs extra and has no price here":
        "tools: 已去掉 {0}：它在服务器上运行、另外收费，此处没有定价",
    "is told as it is.": "原样讲述。",
    "is told as one text.": "合为一段文本讲述。",
    "is gone on from, by a word of the engine's.": "以引擎自己的字段接续。",
}
ROWS = READING | RULES | SOUND | TRANSLATED
