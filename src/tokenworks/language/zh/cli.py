"""The command line: help, remarks and mistakes."""

from __future__ import annotations

LIBRARY = {  # of the library that reads the words
    "Usage:": "用法：",
    "Commands": "命令",
    "Parameters": "选项",
    "Arguments": "参数",
    "Display this message and exit.": "显示本帮助并退出。",
    "Display application version.": "显示版本。",
    "choices": "可选值",
    "default": "默认值",
    "required": "必填",
    "Unknown command \"{}\". Did you mean \"{}\"? Available commands: {}":
        "未知命令 \"{0}\"。是否想用 \"{1}\"？可用命令：{2}",
    "Unknown command \"{}\". Did you mean \"{}\"?": "未知命令 \"{0}\"。是否想用 \"{1}\"？",
    "Unknown command \"{}\". Available commands: {}": "未知命令 \"{0}\"。可用命令：{1}",
    "Unknown command \"{}\".": "未知命令 \"{0}\"。",
    "Unknown option: \"{}\". Did you mean {}?": "未知选项 \"{0}\"。是否想用 {1}？",
    "Unknown option: {}. Did you mean {}?": "未知选项 {0}。是否想用 {1}？",
    "Unknown option: \"{}\".": "未知选项 \"{0}\"。",
    "Unknown option: {}.": "未知选项 {0}。",
    "Invalid value \"{}\" for {}. Did you mean \"{}\"? Choose from: {}.":
        "{1} 的值 \"{0}\" 无效。是否想用 \"{2}\"？可选：{3}。",
    "Invalid value \"{}\" for {}. Choose from: {}.": "{1} 的值 \"{0}\" 无效。可选：{2}。",
    "Invalid value for \"{}\": unable to convert {} into {}.": "\"{0}\" 的值无效：无法把 {1} 转换为 {2}。",
    "Invalid value for {}: unable to convert {} into {}.": "{0} 的值无效：无法把 {1} 转换为 {2}。",
    "Command \"{}\" parameter \"{}\" requires an argument.": "命令 \"{0}\" 的参数 \"{1}\" 需要一个值。",
    "Command \"{}\" parameter {} requires an argument.": "命令 \"{0}\" 的参数 {1} 需要一个值。",
    "Command \"{}\" parameter \"{}\" requires {} positional arguments. Only got {}.":
        "命令 \"{0}\" 的参数 \"{1}\" 需要 {2} 个值，只给了 {3} 个。",
    "Try `{}`.": "请试 `{0}`。",
}
HELP = {
    "A token utility: produce, meter, sell and book tokens.": "token 公用设施：生产、计量、出售 token 并记账。",
    "Settings, and where each came from.": "设置，以及每项的来源。",
    "Run everything in a scratch state, sell in every dialect, hold the books to account, and end.":
        "在临时状态中运行全部组件，用每种接口出售，核对账簿，然后结束。",
    "Say what is in order and what is not, each with what to do.": "检查哪些正常、哪些不正常，并给出处理办法。",
    "Print the version.": "显示版本。",
    "Print the completion script of a shell. In bash: source <(tokenworks completion bash).":
        "输出某种 shell 的补全脚本。在 bash 中：source <(tokenworks completion bash)。",
    "Open the demo shop of a running `up`.": "在运行中的 `up` 上开设演示商店。",
    "Show every setting with its value and its origin.": "显示每项设置的值与来源。",
    "Run everything on one port until Ctrl-C.": "在一个端口上运行全部组件，直到按 Ctrl-C。",
    "Run the control process alone: the books, the REST API.": "单独运行控制进程：账簿与 REST API。",
    "Run the embedded engine alone.": "单独运行内嵌引擎。",
    "Run one gateway worker alone.": "单独运行一个网关工作进程。",
    "Gateway processes; 0 is one per core.": "网关进程数；0 表示每核一个。",
    "Start the embedded engine, or not.": "是否启动内嵌引擎。",
    "Open the demo shop: an account with credit, a key, a first sale.":
        "开设演示商店：有余额的账户、密钥和第一笔出售。",
    "The worker's number on this host; each has its own.": "工作进程在本机的编号，各不相同。",
    "State directory: where everything is kept.": "状态目录：一切数据所在。",
    "Settings file; else tokenworks.toml in the state directory.": "设置文件；默认为状态目录中的 tokenworks.toml。",
    "Address to listen on; only this machine unless told.": "监听地址；默认只限本机。",
    "The one port (8400); 0 takes a free one.": "唯一的端口（8400）；0 表示任选空闲端口。",
    "Follow requests live, as they open and end, until Ctrl-C. Times are in UTC.":
        "实时跟踪请求的开始与结束，直到按 Ctrl-C。时间为 UTC。",
    "Why a request cost what it cost: admission, attempts, usage, rating, hold, ledger.":
        "一个请求为何花费这么多：准入、尝试、用量、计价、预占、账本。",
    "Begin with so many of the newest rows, at most 1000.": "先显示最近的若干行，最多 1000。",
    "State directory of a running `up` on this machine.": "本机运行中的 `up` 的状态目录。",
    "Instead: the URL of a gateway. The admin token comes from TOKENWORKS_ADMIN_TOKEN.":
        "或者：网关的 URL。管理令牌取自 TOKENWORKS_ADMIN_TOKEN。",
    "Print JSON.": "以 JSON 输出。",
    "A TOML or JSON file with these fields; options win over it.": "含这些字段的 TOML 或 JSON 文件；命令行选项优先。",
    "The same words under the same key are done once, however often they are sent.":
        "同一键下的相同命令无论发送多少次都只执行一次。",
    "[needed]": "[必填]",
    "The shell.": "shell 的名称。",
}
BUYERS = {
    "Talk to a model: each answer with its tokens, its price and what is left. In a pipe: one prompt, one answer.":
        "与模型对话：每次回答都显示 token 数、价格与余额。在管道中：一问一答。",
    "Ctrl-C stops an answer: what came by then is billed, and the conversation goes on.":
        "Ctrl-C 停止回答：已产生的部分照常计费，对话继续。",
    "Send one request as it is and print the body of its answer as it comes.": "原样发送一个请求，并随到随印应答体。",
    "Show, or write, what makes a tool buy here, and prove it by one call with its price.":
        "显示或写入让某个工具在此购买的配置，并用一次调用及其价格加以证明。",
    "Model; else the first on sale to the key.": "模型；默认为该密钥可购买的第一个。",
    "Address of a gateway, without /v1; else TOKENWORKS_BASE_URL, else the `up` of this machine.":
        "网关地址，不带 /v1；默认取 TOKENWORKS_BASE_URL，再默认为本机的 `up`。",
    "API key; else TOKENWORKS_API_KEY, else that of the demo shop of this machine.":
        "API 密钥；默认取 TOKENWORKS_API_KEY，再默认为本机演示商店的密钥。",
    "Write it into the tool's own settings of this user, with a backup beside.":
        "写入该工具的用户级配置，旁边留有备份。",
    "Put back what stood there before.": "恢复原来的内容。",
    "Make one call in the tool's dialect, or ask nobody.": "用该工具的接口做一次调用，或不做任何询问。",
    "What to ask; without it a conversation begins, or the prompt comes by standard input.":
        "要问的话；不写则开始对话，或从标准输入读取。",
    "What the model is told beforehand.": "事先告诉模型的话（系统提示）。",
    "Which interface it speaks.": "使用哪种接口。",
    "Tokens of one answer.": "单次回答的 token 上限。",
    "Path like /v1/embeddings, or chat, responses, messages, completions, embeddings, models.":
        "路径，如 /v1/embeddings，或 chat、responses、messages、completions、embeddings、models。",
    "The JSON body; else --file, else standard input.": "JSON 请求体；默认取 --file，再默认取标准输入。",
    "A file with the body; - is standard input.": "含请求体的文件；- 表示标准输入。",
    "Left out: POST with a body, GET without.": "不写：有请求体时用 POST，否则用 GET。",
    "What is told of it besides, on standard error.": "另在标准错误输出的内容。",
    "The tool.": "工具的名称。",
    "Talking to {} at {}. /new begins anew, /quit or Ctrl-D ends, Ctrl-C stops an answer.":
        "正在与 {1} 上的 {0} 对话。/new 重新开始，/quit 或 Ctrl-D 结束，Ctrl-C 停止回答。",
    "Stopped. What came so far is billed.": "已停止。已产生的部分照常计费。",
    "{} · {} · {} left": "{0} · {1} · 余额 {2}",
    "{} is not in the books yet.": "{0} 尚未入账。",
    "{} is no path.": "{0} 不是路径。",
    "Write one like /v1/embeddings, or one of {}.": "请写 /v1/embeddings 这样的路径，或 {0} 之一。",
    "No model is on sale to this key.": "没有可供该密钥购买的模型。",
    "Ask your operator.": "请询问运营方。",
    "The answer is {}, and not of a gateway.": "应答是 {0}，不是来自网关。",
    "Give it with --key or TOKENWORKS_API_KEY.": "请用 --key 或 TOKENWORKS_API_KEY 给出。",
    "Nobody answers at {}: {}.": "{0} 没有响应：{1}。",
    "Give the address of a gateway with --url or TOKENWORKS_BASE_URL.":
        "请用 --url 或 TOKENWORKS_BASE_URL 给出网关地址。",
    "What answers at {} is no gateway.": "{0} 的应答不是来自网关。",
    "The answer broke off: {}.": "回答中断：{0}。",
    "The answer broke off.": "回答中断。",
    "There is no API key.": "没有 API 密钥。",
    "There is no prompt.": "没有提示内容。",
    "Write it behind the command or into its standard input.": "请写在命令之后，或通过标准输入给出。",
}
CONNECT = {
    "{}: there is no settings file to write.": "{0}：没有可写的配置文件。",
    "Put what `tokenworks connect {}` shows where your program starts.":
        "请把 `tokenworks connect {0}` 显示的内容放到程序启动之处。",
    "There is no model {} on sale to this key.": "没有可供该密钥购买的模型 {0}。",
    "There are: {}.": "有：{0}。",
    "{}: connect has written no file.": "{0}：connect 没有写过文件。",
    "{} is not installed here.": "此处未安装 {0}。",
    "Install it, or run: {}": "请安装它，或运行：{0}",
    "{} refused: {}.": "{0} 拒绝了：{1}。",
    "it did not end within {} seconds": "{0} 秒内没有结束",
    "it cannot be run: {}": "无法运行：{0}",
    "{} reads the key from the environment: export {}={}": "{0} 从环境变量读取密钥：export {1}={2}",
    "Start it with: {}": "启动方式：{0}",
    "Done by {}": "已执行 {0}",
    "something stands behind the end": "结尾之后还有内容",
    "{} stands in something that is no {}": "{0} 所在之处不是 {1}",
    "nested deeper than {}": "嵌套超过 {0} 层",
    "a value is expected": "此处应为一个值",
    "a name in double quotes is expected": "此处应为双引号中的名称",
    "a colon is expected": "此处应为冒号",
    "a value cannot be read": "有一个值无法读取",
    "a comma or {} is expected": "此处应为逗号或 {0}",
    "{}:{}: the file cannot be read: {}. Nothing was changed.": "{0}:{1}: 文件无法读取：{2}。未作任何改动。",
    "Mend that line, or move the file away.": "请改正该行，或移走该文件。",
    "There is no tool {}. {}": "没有工具 {0}。{1}",
    "There is no backup beside {}.": "{0} 旁边没有备份。",
    "Nothing was written by connect.": "connect 没有写过内容。",
    "{} is not UTF-8. Nothing was changed.": "{0} 不是 UTF-8 编码。未作任何改动。",
    "{} cannot be written: {}.": "{0} 无法写入：{1}。",
    "made": "已新建", "changed": "已修改", "kept": "无需改动", "restored": "已恢复", "removed": "已移除",
    "backup": "备份",
}
CALLS = {
    "Start it with `tokenworks up`, or name another with --state or --server.":
        "请用 `tokenworks up` 启动，或用 --state 或 --server 指定另一个。",
    "{} does not answer: {}.": "{0} 没有响应：{1}。",
    "There is no {}.": "没有 {0}。",
    "Start `tokenworks up` once on this state directory, or name another with --state.":
        "请先在该状态目录上启动一次 `tokenworks up`，或用 --state 指定另一个。",
    "{} cannot be read.": "{0} 无法读取。",
    "{} cannot be read: {}.": "{0} 无法读取：{1}。",
    "Run this as the user that `tokenworks up` runs as.": "请以运行 `tokenworks up` 的用户身份执行。",
    "The answer is {}, and not of this API.": "应答是 {0}，不是来自本 API。",
    "The live feed ended: the control process went away.": "实时数据已中断：控制进程已退出。",
    "The demo did not start: {}": "演示未能启动：{0}",
    "Complete for what ended before {}.": "对 {0} 之前结束的请求已完整。",
    "More: --cursor {}": "更多：--cursor {0}",
    "Nothing is expected after this: {}.": "此后不应再有内容：{0}。",
    "engine.enabled is false.": "engine.enabled 为 false。",
    "--server needs the admin token.": "--server 需要管理令牌。",
    "Set TOKENWORKS_ADMIN_TOKEN.": "请设置 TOKENWORKS_ADMIN_TOKEN。",
    "--server: {} is not the address of a gateway. Write http://host:port.":
        "--server: {0} 不是网关地址。请写 http://主机:端口。",
    "selling in a scratch state": "正在临时状态中出售",
    "looking": "正在检查",
    "Keep the secret: it is shown this once and is stored nowhere.": "请妥善保存密钥：只显示这一次，且不会被存储。",
    "Missing: {}.": "缺少：{0}。",
    "Give it here or in a --file.": "请在命令行或 --file 文件中给出。",
    "{} holds no table of fields.": "{0} 中不是字段表。",
    "Write a TOML or JSON table of fields.": "请写成 TOML 或 JSON 的字段表。",
    "--{} is not JSON.": "--{0} 不是 JSON。",
    'Write {"*": {"input": "4", "output": "16"}}, or use --file.':
        '请写成 {"*": {"input": "4", "output": "16"}}，或使用 --file。',
    "first after {} ms": "首字 {0} ms",
    "held {}": "预占 {0}",
    "... {} missed": "…… 漏掉 {0} 条",
    "The books do not show the sale.": "账簿中没有这笔出售。",
    "See `tokenworks doctor`.": "请看 `tokenworks doctor`。",
    "There is nothing at {}.": "{0} 处没有任何内容。",
}
DOCTOR = {
    "to do: {}": "处理：{0}",
    "logs/control.log in the state directory": "状态目录中的 logs/control.log",
    "See logs/engine.log in the state directory": "请看状态目录中的 logs/engine.log",
    "See whether {} answers": "请检查 {0} 是否响应",
    "See why": "请看原因",
    "{} MB are free for the journal.": "可供流水使用的磁盘空间还有 {0} MB。",
    "{} records wait in suspense.": "有 {0} 条挂账记录待处理。",
    "Nothing runs on {}.": "{0} 上没有在运行。",
    "The control process answers on {}.": "控制进程在 {0} 上正常响应。",
    "The embedded engine can run here.": "内嵌引擎可在此运行。",
    "Install it with `make up`, or sell another source (tokenworks deployment add).":
        "请用 `make up` 安装，或出售其他来源（tokenworks deployment add）。",
    "{} is made at the first start.": "{0} 将在首次启动时创建。",
    "{} is private.": "{0} 仅限本人访问。",
    "{} is open to others.": "{0} 他人可访问。",
    "Free disk space: work is refused below {} MB.": "请释放磁盘空间：低于 {0} MB 时拒绝服务。",
    "Open to others: {}.": "他人可读：{0}。",
    "Port {} is taken.": "端口 {0} 已被占用。",
    "Port {} is free.": "端口 {0} 空闲。",
    "Stop what listens there, or take another with --port.": "请停止占用该端口的程序，或用 --port 换一个。",
    "The books balance.": "账簿平衡。",
    "Keep the state directory as it is; see `tokenworks ledger audit`.":
        "请保持状态目录原样；请看 `tokenworks ledger audit`。",
    "{} gateway workers sell.": "{0} 个网关工作进程正在出售。",
    "Lost: {}.": "失联：{0}。",
    "Start that host again, or give it up: tokenworks gateway forget HOST":
        "请重新启动该主机，或放弃它：tokenworks gateway forget 主机",
    "{} bytes of journal are not in the books yet.": "有 {0} 字节流水尚未入账。",
    "Look again in a moment; else see {}.": "请稍后再看；否则请看 {0}。",
    "The database is of this version.": "数据库与本版本一致。",
    "The database is made at the first start.": "数据库将在首次启动时创建。",
    "The database is of an older version.": "数据库属于较旧的版本。",
    "It is brought up to date at the next start; back it up before.": "下次启动时将升级；请事先备份。",
    "Mend database.url, or the database it names.": "请改正 database.url，或修复它所指的数据库。",
    "No rate card prices {}: it cannot be sold.": "没有费率表为 {0} 定价：无法出售。",
    "Deployment {} is {}.": "部署 {0} 状态：{1:w}。",
    "Deployment {} is {}: {}.": "部署 {0} 状态：{1:w}（{2}）。",
    "{}, or: tokenworks deployment change {} --no-enabled": "{0}，或：tokenworks deployment change {1} --no-enabled",
    "{}: engine and meter differ by {} ppm in one hour.": "{0}: 一小时内引擎与计量相差 {1} ppm。",
    "ok": "正常", "warning": "警告", "error": "错误",
    "failing": "故障", "down": "不通", "up": "正常", "off": "停用", "unknown": "未知", "unusable": "不可用",
}
WELCOME = {
    "Tokenworks is open for business at {}": "Tokenworks 已在 {0} 开张营业",
    "Sold just now ({}):": "刚刚售出（{0}）：",
    "{} before, {} after": "售前 {0}，售后 {1}",
    "API key": "API 密钥", "answer": "回答",
    "ledger entry": "账本分录",
    "Try it:": "试一试：",
    "Then, at another shell:": "然后在另一个 shell 中：",
    "Status page: {}/   Ctrl-C ends it; a second start goes on from here.":
        "状态页：{0}/   Ctrl-C 结束；再次启动时从此处继续。",
    "Tokenworks runs at {}, without the embedded engine: {}": "Tokenworks 正在 {0} 运行，未启用内嵌引擎：{1}",
    "Sell another source of tokens:": "出售其他来源的 token：",
}
UP = {
    "stopping: open requests may finish": "正在停止：进行中的请求可以完成",
    "serving on {}; state, logs and admin.token in {}": "正在 {0} 提供服务；状态、日志与 admin.token 在 {1}",
    "reloaded; changed, but only a restart takes it: {}": "已重新加载；有改动但须重启才生效：{0}",
    "{} refuses to start; ending. {}": "{0} 拒绝启动；即将结束。{1}",
    "the settings in use stay: {}": "沿用当前设置：{0}",
    "{} cannot run here; the rest goes on without it. {}": "{0} 无法在此运行；其余部分照常。{1}",
    "{} ended ({}); starting it again in {} ms": "{0} 已退出（{1}）；{2} ms 后重新启动",
    "told again: ending at once": "再次收到信号：立即结束",
    "its path is too long for the unix sockets in it": "路径过长，无法容纳其中的 unix 套接字",
    "The embedded engine cannot run: {}": "内嵌引擎无法运行：{0}",
    "The embedded engine did not start: {}": "内嵌引擎未能启动：{0}",
    "The embedded engine needs a processor with {}, which this one has not. Sell another source of tokens: "
    "`tokenworks deployment add --help`.":
        "内嵌引擎需要支持 {0} 的处理器，本机没有。请出售其他来源的 token：`tokenworks deployment add --help`。",
    "The embedded engine is not installed. Run: {}  (Alpine and machines without a ready wheel: sell another source of "
    "tokens, see `tokenworks deployment add --help`).":
        "未安装内嵌引擎。请运行：{0}（Alpine 及没有预编译包的机器：请出售其他来源的 token，见 "
        "`tokenworks deployment add --help`）。",
    "The embedded engine needs libgomp. Install it:  sudo apt-get install -y libgomp1":
        "内嵌引擎需要 libgomp。安装命令：sudo apt-get install -y libgomp1",
    "{} is not the file that was built (SHA-256 {}, found {}). Install the package anew.":
        "{0} 不是构建时的文件（SHA-256 应为 {1}，实为 {2}）。请重新安装本软件包。",
}
ROWS = LIBRARY | HELP | BUYERS | CONNECT | CALLS | DOCTOR | WELCOME | UP
