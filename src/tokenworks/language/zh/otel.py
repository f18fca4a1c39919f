"""Traces and metrics that are exported."""

from __future__ import annotations

ROWS = {
    "{}: otel.endpoint is set, but {} is not installed. Install tokenworks[otel], or leave it empty.":
        "{0}：已设置 otel.endpoint，但未安装 {1}。请安装 tokenworks[otel]，或将其留空。",
    "OTLP/HTTP receiver, like http://127.0.0.1:4318; empty: nothing is exported":
        "OTLP/HTTP 接收端，如 http://127.0.0.1:4318；留空则不导出",
    "secret with its headers, NAME=VALUE,...; a reference": "存有其请求头的凭据（名称=值,...），填写引用",
    "export a trace of each request": "导出每个请求的踪迹",
    "export metrics": "导出指标",
    "of traces; metrics count all": "踪迹的抽样百分比；指标统计全部",
    "between two exports of metrics": "两次导出指标之间的间隔",
    "empty, or http://host:port or https://host without user and password":
        "留空，或 http://主机:端口 或 https://主机，不含用户名和密码",
    "the secret must have the form NAME=VALUE,NAME=VALUE": "凭据须为 名称=值,名称=值 的形式",
}
