"""Errors of our own, of settings and of the books."""

from __future__ import annotations

ERRORS = {
    "Something went wrong.": "出错了。",
    "Unknown unit {}. Use one of {}.": "未知的计量单位 {0}。请用 {1} 之一。",
    "{} is not an amount of {}. Write a plain decimal number with at most {} decimal places.":
        "{0} 不是 {1} 金额。请写十进制数，小数最多 {2} 位。",
    "The amount {} does not fit a signed 64-bit integer at its unit's scale. Split it.":
        "金额 {0} 按其单位的精度超出 64 位有符号整数。请拆分。",
    "There is no {} {}. List them with `tokenworks {}`.": "没有{0:w} {1}。请用 `tokenworks {2}` 列出。",
    "The books cannot be reached: {}. What was asked may be asked again as it is.":
        "无法访问账簿：{0}。可原样再次请求。",
    "The journal of {} is posted up to {}, not {}: read on from there.":
        "{0} 的流水已入账到 {1}，不是 {2}：请从那里继续读。",
    "The upstream's usage figures cannot be right: {}. The request is billed by our own count.":
        "上游的用量数据不可能正确：{0}。该请求按我们自己的计数收费。",
    "The database is at revision {}, unknown to this version. Install the version that wrote it, or a newer one.":
        "数据库的修订版是 {0}，本版本不认识。请安装写入它的版本或更新的版本。",
    "The journal has no room and the disk gave none: {}. Free disk space; work is refused until then.":
        "流水没有空间，磁盘也无法提供：{0}。请释放磁盘空间；在此之前拒绝服务。",
    "A journal record of {} bytes is above the limit of {}. The field that made it so large must be bounded.":
        "一条流水记录有 {0} 字节，超过上限 {1}。须限制使其过大的字段。",
}
SETTINGS = {
    "where everything is kept; 0700": "一切数据所在；权限 0700",
    "address to listen on; 0.0.0.0 opens it to others": "监听地址；0.0.0.0 表示对外开放",
    "the one port; 0 takes a free one": "唯一的端口；0 表示任选空闲端口",
    "gateway processes; 0 is one per core": "网关进程数；0 表示每核一个",
    "disk: a record is flushed to the disk before the client's last bytes leave":
        "disk：先把记录写入磁盘，再发出给客户端的最后字节",
    "how long open requests go on at the end": "结束时允许进行中的请求继续多久",
    "certificate chain (PEM); with tls_key it turns TLS on": "证书链（PEM）；与 tls_key 一起启用 TLS",
    "private key (PEM) of tls_cert": "tls_cert 的私钥（PEM）",
    "empty: SQLite in the state directory": "留空：状态目录中的 SQLite",
    "start the embedded engine": "启动内嵌引擎",
    "where file: references may point to": "file: 引用允许指向的目录",
    "least level logged": "最低日志级别",
    "a text in quotes": "引号中的文本",
    "true or false": "true 或 false",
    "a list of directories": "目录列表",
    "one of {}": "{0} 之一",
    "one of {} (did you mean {}?)": "{0} 之一（是否想写 {1}？）",
    "empty (SQLite in the state directory), sqlite:///file or postgresql://user@host/name":
        "留空（状态目录中的 SQLite）、sqlite:///文件 或 postgresql://用户@主机/库名",
    "environment: {}LANG must be one of {}, not {}.": "环境变量 {0}LANG 必须是 {1} 之一，不能是 {2}。",
    "environment: {}BASE_URL": "环境变量 {0}BASE_URL",
    "{}: {} is not the address of a gateway. Write http://host:port.": "{0}: {1} 不是网关地址。请写 http://主机:端口。",
    "{}: the key has characters that no key has. Copy it again.": "{0}: 密钥含有不可能出现的字符。请重新复制。",
    "{}: gateway.tls_cert and gateway.tls_key go together: set both or neither.":
        "{0}: gateway.tls_cert 与 gateway.tls_key 须同时设置或都不设置。",
    "a whole number from {} to {}": "{0} 到 {1} 的整数",
    "{}: cannot be read: {}.": "{0}: 无法读取：{1}。",
    "{}: not UTF-8: {}.": "{0}: 不是 UTF-8：{1}。",
    "{}:{}: not valid TOML: {}.": "{0}:{1}: 不是有效的 TOML：{2}。",
    "{}: {} must be {}, not {}.": "{0}: {1} 必须是{2}，不能是 {3}。",
    "{}: {}: {} cannot be read.": "{0}: {1}: {2} 无法读取。",
    "environment: there is no setting {}.": "环境变量：没有设置项 {0}。",
    "{}: state.dir cannot stand in the file that lies in it; use --state.":
        "{0}: state.dir 不能写在它自己目录中的文件里；请用 --state。",
    "(did you mean {}?)": "（是否想写 {0}？）",
    "Did you mean {}?": "是否想写 {0}？",
    "{}: there is no setting {}.": "{0}: 没有设置项 {1}。",
    "The state directory {} cannot be used: {}.": "状态目录 {0} 无法使用：{1}。",
    "the settings in use": "当前设置",
    "Another control process runs on the state directory {}. Stop it first.":
        "状态目录 {0} 上已有另一个控制进程在运行。请先停止它。",
}
BOOKS = {
    "credit more than nothing": "金额须大于零",
    "choose an instant that is still to come": "请选择将来的时间",
    "this lot has {} {} to refund": "该批次可退 {0} {1}",
    "this lot has {} {} left": "该批次剩余 {0} {1}",
    "credit in {} cannot become {}": "{0} 额度不能变为 {1}",
    "the books cannot hold it: {}": "账簿无法容纳：{0}",
    "The lot {} was made by another funding.": "批次 {0} 由另一笔资金建立。",
    "The lot {} has less available than that: some may be lent to gateways just now.":
        "批次 {0} 的可用金额不足：部分额度可能正借给网关。",
    "{} is {}, it was {}": "{0} 是 {1}，原为 {2}",
    "give back next_cursor of the page before, unchanged": "请原样填写上一页的 next_cursor",
    "The {} {} exists already.": "{0:w} {1} 已存在。",
    "The {} {} has changed since it was read. Read it again, then decide.":
        "{0:w} {1} 在读取之后已被改动。请重新读取后再决定。",
    "The next version of rate card {} is {}, not {}.": "费率表 {0} 的下一个版本是 {1}，不是 {2}。",
    "A {} is not removed: what it did stays explainable. End it instead.":
        "{0:w}不能移除：它做过的事要可追溯。请改为停用。",
    "{} {} never changes. Add the next version.": "{0:w} {1} 不可更改。请添加下一个版本。",
    "{} is none of {}": "{0} 不属于 {1}",
    "The gateway {} is {}: there is nothing to {}.": "网关 {0} 的状态是 {1}：无可 {2}。",
    "There is no note {} in the audit trail.": "审计记录中没有编号 {0}。",
}
PLACES = {
    "{} is at {}: {}": "{0} 位于 {1}：{2}",
    "link-local and metadata addresses are never dialled": "绝不连接链路本地地址和元数据地址",
    "multicast and unspecified addresses are never dialled": "绝不连接组播地址和未指定地址",
    "private and loopback addresses are dialled only by a deployment with allow_private":
        "只有设置了 allow_private 的部署才能连接内网和本机地址",
    "the connection ended without an answer": "连接结束而没有应答",
    "no answer within {} s": "{0} 秒内没有应答",
    "the answer is larger than {} bytes": "应答超过 {0} 字节",
    "its traffic tells how it is": "以其业务流量判断状态",
    "its health endpoint answers {}": "其健康检查返回 {0}",
    "its health endpoint answers {}: its traffic tells how it is": "其健康检查返回 {0}：以其业务流量判断状态",
    "there is no file {}": "没有文件 {0}",
    "{} cannot be read: {}": "{0} 无法读取：{1}",
    '{} is none: write "{}" or "file:/path/tokenizer.json"':
        '{0} 不是分词器：请写 "{1}" 或 "file:/路径/tokenizer.json"',
    "the embedded engine is not up": "内嵌引擎未启动",
}
CARDS = {
    "use 1 to 64 letters, digits, dots, dashes and underscores; a letter or digit first":
        "请用 1 到 64 个字母、数字、点、短横和下划线，以字母或数字开头",
    "use a whole number from 1 on": "请用从 1 开始的整数",
    "use one of {}": "请用 {0} 之一",
    "use Unix nanoseconds, 0 for always": "请用 Unix 纳秒，0 表示一直有效",
    'price at least one model, or "*" for any': '至少为一个模型定价，或用 "*" 代表任意模型',
    "use lower case letters, digits and underscores, and no class of tokens":
        "请用小写字母、数字和下划线，且不能与 token 类别同名",
    "{} is not a price: write a plain decimal number, 0 or more, with at most {} decimal places":
        "{0} 不是价格：请写不小于 0 的十进制数，小数最多 {1} 位",
}
ROWS = ERRORS | SETTINGS | BOOKS | PLACES | CARDS
