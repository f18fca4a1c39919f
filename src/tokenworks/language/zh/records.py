"""What stands on records and in checks of the books: notes on requests, findings, what was wrong with figures."""

from __future__ import annotations

JOURNALS = {
    "{} cannot be read: {}; remove it to count leakage anew": "{0} 无法读取：{1}；移除它可重新统计漏损",
    "its journal cannot be read: {}": "其流水无法读取：{0}",
    "its journal is not on the disk; `gateway forget` gives its leases up":
        "其流水不在磁盘上；`gateway forget` 可放弃其租约",
    "it cannot be trimmed: {}": "无法裁剪：{0}",
    "the poster's notes cannot be written: {}": "无法写入入账进度：{0}",
    "segments {} to {} of {} are missing": "缺少 {2} 的第 {0} 至 {1} 段",
    "segment {} of {} is not there": "{1} 的第 {0} 段不存在",
    "{} damaged bytes from {} on": "自 {1} 起有 {0} 字节损坏",
}
BOOKING = {
    "its request is known already": "其请求已存在",
    "it gives back nothing": "没有归还任何额度",
    "its request is not known": "其请求不存在",
    "its request belongs to {}": "其请求属于 {0}",
    "its request is {}, not {}": "其请求的状态是 {0}，不是 {1}",
    "{} of {} before {} is in suspense: {}": "{1} 在 {2} 之前的 {0} 已挂账：{3}",
    "lease {} of lot {} gave back {}, it had {} left: the rest is ignored":
        "批次 {1} 的租约 {0} 归还 {2}，而它只剩 {3}：多出部分不计",
    "request {} was rated {} by its gateway, {} makes it {}": "请求 {0} 由网关计价为 {1}，按 {2} 应为 {3}",
    "lot {} is in {}, its request in {}": "批次 {0} 的币种是 {1}，其请求的币种是 {2}",
    "rate card {} has no price for {}, which was sold by it": "费率表 {0} 没有 {1} 的价格，而它是按该表售出的",
    "too much to book": "数额过大，无法入账",
    "request {}: lease {} of lot {} could not pay {}: charged to overrun:{}":
        "请求 {0}：批次 {2} 的租约 {1} 无法支付 {3}：计入 overrun:{4}",
    "its gateway died: billed by its last progress record": "其网关崩溃：按最后一条进度记录收费",
    "its gateway died: waived, as its account's policy says": "其网关崩溃：按账户的约定免收",
    "{} is not a move from {}": "不能从 {1} 转为 {0}",
    "its parts sum to {}, more than the {} that was rated": "各部分合计 {0}，超过计价的 {1}",
    "{} was rated, but {} charged, {} waived and {} overrun": "计价 {0}，但收费 {1}、减免 {2}、超支 {3}",
    "its unit {} is unknown": "其单位 {0} 未知",
    "its parts sum to {}, it charged {}": "各部分合计 {0}，而收费为 {1}",
    "two of its attempts have one number": "有两次尝试编号相同",
    "its parts sum to {}, the charge went from {} to {}": "各部分合计 {0}，收费却从 {1} 变为 {2}",
    "a count of its usage is out of range": "用量中有计数超出范围",
    "it has more than {} parts": "超过 {0} 个部分",
    "two of its parts have one segment": "有两个部分属于同一段",
    "a cost is in the unknown unit {}": "有一项成本的单位 {0} 未知",
    "the amount {} is out of range": "金额 {0} 超出范围",
}
CHECKS = {
    "entry {} is out of balance by {} {}": "分录 {0} 不平，相差 {1} {2}",
    "entry {} earned {}, its requests' shares sum to {}": "分录 {0} 收入 {1}，其请求份额合计 {2}",
    "the ledger is out of balance by {} {}": "账本不平，相差 {0} {1}",
    "lot {}: leased {}, its leases have {} left": "批次 {0}：借出 {1}，其租约剩余 {2}",
    "lot {}: the ledger has {}, leased + available is {}": "批次 {0}：账本为 {1}，借出 + 可用为 {2}",
    "lot {}: posted {}, requests' shares sum to {}": "批次 {0}：已入账 {1}，请求份额合计 {2}",
    "{}: rated {}, charged + waived + overrun is {}": "{0}: 计价 {1}，收费 + 减免 + 超支为 {2}",
    "all lots in {} posted {}, all requests were charged {}": "{0} 的全部批次入账 {1}，全部请求收费 {2}",
    "revenue in {} is {}, all requests were rated {}": "{0} 的收入为 {1}，全部请求计价 {2}",
    "{}: {} has {}, its requests sum to {}": "{0}: {1} 为 {2}，其请求合计 {3}",
    "credited - refunded - expired - transferred = {}, posted + leased + available = {}":
        "贷入 - 已退 - 过期 - 转出 = {0}，入账 + 借出 + 可用 = {1}",
}
FIGURES = {
    "an iteration of type {} was billed by the upstream at a price of its own": "上游对 {0} 类型的迭代单独计价",
    "input_tokens or output_tokens is missing": "缺少 input_tokens 或 output_tokens",
    "{} thinking tokens are more than the output's {}": "思考 token {0} 个多于输出的 {1} 个",
    "a count is negative": "有计数为负",
    "cache_creation_input_tokens is {}, its parts are {} and {}":
        "cache_creation_input_tokens 为 {0}，其各部分为 {1} 和 {2}",
    "{} written tokens are more than the {} that were not cached": "写入 {0} 个 token，多于未缓存的 {1} 个",
    "prompt_tokens is {}, its cache hits and misses are {} and {}":
        "prompt_tokens 为 {0}，其缓存命中与未命中为 {1} 和 {2}",
    "cached_tokens is {}, prompt_cache_hit_tokens {}": "cached_tokens 为 {0}，prompt_cache_hit_tokens 为 {1}",
    "{} cached tokens are more than the prompt's {}": "缓存 token {0} 个多于提示的 {1} 个",
    "{} cached tokens are more than the prompt's {}, or negative": "缓存 token {0} 个多于提示的 {1} 个，或为负",
    "total_tokens is {}, less than {} + {}": "total_tokens 为 {0}，小于 {1} + {2}",
    "total_tokens is {}, not {} + {}": "total_tokens 为 {0}，不是 {1} + {2}",
    "{} reasoning tokens are more than the completion's {}": "推理 token {0} 个多于回答的 {1} 个",
    "{} reasoning tokens are more than the completion's {}, or negative": "推理 token {0} 个多于回答的 {1} 个，或为负",
    "an event is above {} bytes": "一个事件超过 {0} 字节",
    "an event is not JSON": "一个事件不是 JSON",
    "cached_tokens is {} and {}": "cached_tokens 同时为 {0} 和 {1}",
    "{} reports no progress in {} streams": "{0} 在 {1} 流式中不报告进度",
    "the prompt counts 0 tokens: this version of Ollama leaves out what was cached":
        "提示计为 0 个 token：此版本的 Ollama 不计已缓存的部分",
    "completion_tokens is missing": "缺少 completion_tokens",
    "{} cached and {} written tokens are more than the prompt's {}": "缓存 {0} 个与写入 {1} 个 token 多于提示的 {2} 个",
    "cache_write_tokens is {}, its parts are {} and {}": "cache_write_tokens 为 {0}，其各部分为 {1} 和 {2}",
    "a usage count is negative": "有用量计数为负",
    "an extra usage count is negative": "有附加用量计数为负",
}
ROWS = JOURNALS | BOOKING | CHECKS | FIGURES
