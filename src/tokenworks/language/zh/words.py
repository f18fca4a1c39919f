"""Single words: headings of tables, names of lines, kinds of things."""

from __future__ import annotations

LABELS = {
    "account": "账户", "action": "操作", "active": "有效", "actor": "操作者", "admission": "准入",
    "allow private": "允许内网", "amended at": "修正时间", "amount": "金额", "as of": "截至", "at": "时间",
    "attempts": "尝试", "available": "可用", "balance": "余额", "balanced": "平衡", "basis": "依据",
    "booked at": "入账时间", "books complete until": "账簿完整至", "broken at": "断裂处", "ca file": "CA 文件",
    "cache read": "缓存读", "cache write": "缓存写", "cache write 1h": "缓存写 1h", "cache write 5m": "缓存写 5m",
    "cause": "事由", "changes": "改动", "charged": "收费", "closed at": "结束时间", "closing": "期末", "cls": "类别",
    "class": "类别", "code": "代码", "complete until": "完整至", "connections": "连接数", "context tokens": "上下文",
    "cost": "成本", "cost card": "成本费率表", "count": "数量", "crash": "崩溃时", "created at": "创建时间",
    "credited": "贷入", "currency": "币种", "cut loss": "截断损失", "data": "数据", "day": "日期", "deployment": "部署",
    "detail": "详情", "dialect": "接口", "dialects": "接口", "digest": "摘要", "duration ms": "时长 ms",
    "effective from": "生效时间", "enabled": "启用", "engine": "引擎", "entries": "分录", "entry": "分录",
    "epoch": "纪元", "expired": "过期", "expires at": "到期时间", "extras": "附加项", "failure": "故障时",
    "findings": "发现", "from": "来源", "hangup": "断开时", "has more": "还有更多", "held": "预占", "hold": "预占",
    "host": "主机", "id": "ID", "image tokens max": "图片 token", "input": "输入", "key": "密钥", "kind": "类型",
    "known": "已知", "labels": "标签", "lag bytes": "滞后字节", "lease": "租约", "lent": "借出", "level": "级别",
    "lines": "明细", "login": "登录名", "lot": "批次", "lots": "批次", "masked": "掩码", "message": "说明",
    "modality": "模态", "model": "模型", "models": "模型", "name": "名称", "next cursor": "下页游标", "notes": "备注",
    "number": "序号", "occurred at": "发生时间", "open requests": "进行中请求", "opened at": "开始时间",
    "opening": "期初", "origin": "来源", "outcome": "结果", "output": "输出", "output tokens max": "输出上限",
    "overrun": "超支", "own": "自有", "owner": "归属", "parent": "上级", "per": "每", "per tokens": "每 token 数",
    "period": "期间", "position": "位置", "postings": "记账行", "price": "单价", "progress": "进度", "proxy": "代理",
    "rate card": "费率表", "rated": "计价", "rating": "计价", "raw object": "原始数据", "raw usage": "原始用量",
    "reason": "原因", "reasoning": "推理", "ref": "引用", "reference": "备注", "refunded": "已退", "removed": "已移除",
    "request": "请求", "request id": "请求 ID", "requests": "请求数", "resolution": "处理", "resolved at": "处理时间",
    "reverses": "冲销", "revoked": "已吊销", "running": "进行中", "secret": "凭据", "seen at": "最近响应",
    "segment": "段", "setting": "设置项", "share prefix cache": "共用缓存", "shares": "份额", "spent": "已用",
    "spoken": "接口", "started at": "开始时间", "state": "状态", "status": "状态码", "step": "步骤", "stream": "流式",
    "sums": "合计", "suspended": "挂账", "tokenizer": "分词器", "tokens": "token", "ttft ms": "首字 ms",
    "upstream model": "上游模型名", "url": "地址", "usage": "用量", "value": "值", "vendor": "厂商", "version": "版本",
    "waived": "减免", "whole": "完整", "why": "原因", "writer": "写入者", "lag": "滞后", "before": "之前",
    "after": "之后", "field": "字段", "host id": "主机 ID", "changed at": "改动时间", "file": "文件",
    "route": "路由", "input bound": "输入上界", "output held": "预占输出", "asked": "询问方式", "readable": "可读",
    "secrets": "凭据", "ledger balanced": "账本平衡", "leakage ppm": "漏损 ppm",
}
SECTIONS = {
    "Admission": "准入", "Attempts": "尝试", "Usage": "用量", "Rating by {}": "计价：{0}", "Amount": "金额",
    "Paid from": "支付来源", "Hold": "预占", "Ledger entry {} ({})": "账本分录 {0}（{1}）", "Notes": "备注",
    "no card": "无费率表",
}
PAGE = {  # the status page
    "Version {} on host {}, up for {} s.": "版本 {0}，主机 {1}，已运行 {2} 秒。", "As of {}.": "截至 {0}。",
    "Books:": "账簿：", "reached": "可访问", "not reached": "无法访问", "(complete until {})": "（完整至 {0}）",
    "Sold in the last 24 hours": "最近 24 小时售出", "Deployments": "部署", "Gateways": "网关", "Model": "模型",
    "Requests": "请求数", "Tokens": "token", "Charged": "收费", "Name": "名称", "Engine": "引擎", "State": "状态",
    "Worker": "工作进程", "Link": "连接", "Lag, bytes": "滞后字节",
    "Bytes of its journal that are not yet in the books": "其流水中尚未入账的字节数", "Nothing yet.": "尚无。",
    "None is running.": "没有在运行。", "None. Add one:": "没有。添加：", "connected": "已连接", "away": "未连接",
    "For Prometheus:": "供 Prometheus：", "for programs:": "供程序：", "for people:": "供人使用：",
}
VALUES = {
    "yes": "是", "no": "否", "none": "无",
}
KINDS = {
    "rate-card": "费率表", "gateway": "网关", "suspense": "挂账记录", "lot": "批次", "note": "审计记录",
}
ROWS = LABELS | SECTIONS | PAGE | VALUES | KINDS
