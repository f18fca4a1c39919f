"""Secrets of upstreams, sealed in the books."""

from __future__ import annotations

SECRETS = {
    "Credentials of upstreams, sealed in the books under a master key that is not.":
        "上游的凭据：加密存于账簿，主密钥则不在其中。",
    "Seal a secret. New, or in place of what was sealed under this name; gateways use it within a second.":
        "封存凭据：新建，或取代同名的凭据；各网关在一秒内使用它。",
    "List sealed secrets. Never their texts.": "列出封存的凭据，从不显示内容。",
    "Show a sealed secret. Never its text.": "查看封存的凭据，从不显示内容。",
    "Remove a sealed secret. Refused while a deployment names it; what was sealed is erased.":
        "移除封存的凭据。仍有部署引用时拒绝；封存的内容会被抹除。",
    "Change the master key. Every secret is sealed anew in one transaction; the old key is kept until that is done. "
    "With a key file of your own, put the new key on its first line before, and take the old ones out afterwards.":
        "更换主密钥：全部凭据在一个事务中重新封存；完成之前保留旧密钥。使用自备的密钥文件时，请先把新密钥写在第一行，"
        "完成后再去掉旧的。",
    "Where its key is: sealed:NAME, env:TOKENWORKS_SECRET_NAME or file:/path, never the key itself.":
        "其密钥所在：sealed:名称、env:TOKENWORKS_SECRET_NAME 或 file:/路径，不要填密钥本身。",
    "Only host that it may go to, like https://api.example.com; left out: the first that names it.":
        "唯一允许发往的主机，如 https://api.example.com；不写则为第一个引用它的部署的主机。",
    "Name to seal it under.": "封存时所用的名称。",
    "The credential itself.": "凭据本身。",
    "Sealed secret, by its name.": "封存的凭据的名称。",
    "Back the new key up, and give it to every other host. Backups of before need the old one.":
        "请备份新密钥，并交给其他每台主机。此前的备份需要旧密钥。",
    "master key of sealed secrets; empty: made in the state directory":
        "封存凭据所用的主密钥；留空则在状态目录中生成",
    "{} (secrets.master_key_file) is not there or has no key; write 64 hexadecimal digits into it, as `openssl rand "
    "-hex 32` makes them":
        "{0}（secrets.master_key_file）不存在或没有密钥；请写入 64 位十六进制数，可用 `openssl rand -hex 32` 生成",
    "{} (secrets.master_key_file) is kept by somebody else": "{0}（secrets.master_key_file）由他人保管",
    "{}:{} is not a key of {} hexadecimal digits": "{0}:{1} 不是 {2} 位十六进制的密钥",
    "{} is no small regular file": "{0} 不是小的普通文件",
    "{} can be read by others; chmod 600 {}": "{0} 可被他人读取；请执行 chmod 600 {1}",
    "a last try ends in one way or the other": "最后一次尝试必有结果",
    "write 1 to 64 letters, digits or . _ -, beginning with a letter or digit":
        "请写 1 到 64 个字母、数字或 . _ -，以字母或数字开头",
    "it must be printable ASCII without spaces, not empty, and at most 16 KiB":
        "须为不含空格的可见 ASCII 字符，不为空，最多 16 KiB",
    "The secret {} is named by {}. Give them another one first.": "凭据 {0} 被 {1} 引用。请先换用其他凭据。",
    "write the host of the deployments that may use it, like https://api.example.com":
        "请写允许使用它的部署的主机，如 https://api.example.com",
    "The secret {} is named by {}, which are not at {}.": "凭据 {0} 被 {1} 引用，而它们不在 {2}。",
    "{} is sealed for {} and never goes to {}; seal another one for it, or this one anew with its --host":
        "{0} 是为 {1} 封存的，绝不发往 {2}；请为其另行封存，或以其 --host 重新封存",
    "{} is not there, and secrets were sealed under the key that it had; put it back (a backup or another host has "
    "it). If it is lost for good, write a new one there, as `openssl rand -hex 32` makes it, chmod 600, and seal every "
    "secret anew":
        "{0} 不存在，而有凭据是以其中的密钥封存的；请放回它（备份或其他主机上有）。若已永久丢失，请写入新的密钥"
        "（可用 `openssl rand -hex 32` 生成），chmod 600，并重新封存每个凭据",
    "it was sealed under the master key {}, which {} does not hold; put that key into the file again (a backup or "
    "another host has it), or seal the secret anew: tokenworks secret set {}":
        "它以主密钥 {0} 封存，而 {1} 中没有该密钥；请把该密钥放回文件（备份或其他主机上有），或重新封存："
        "tokenworks secret set {2}",
    "its row in the books is not as it was sealed; seal it anew: tokenworks secret set {}":
        "其在账簿中的记录与封存时不符；请重新封存：tokenworks secret set {0}",
    "write a reference, sealed:<NAME>, env:TOKENWORKS_SECRET_<NAME> or file:/path, never the key itself":
        "请填写引用：sealed:<名称>、env:TOKENWORKS_SECRET_<名称> 或 file:/路径，不要填密钥本身",
    "this process seals no secrets": "本进程不封存凭据",
    "this process has no books": "本进程没有账簿",
    "The secret {} cannot be read: {}.": "凭据 {0} 无法读取：{1}。",
    "it is sealed for {}, not for {}": "它是为 {0} 封存的，不是为 {1}",
    "it is sealed for no host yet, not for {}": "它尚未为任何主机封存，因此不能用于 {0}",
    "seal it: tokenworks secret set {}": "请封存它：tokenworks secret set {0}",
    "no host yet": "尚无主机",
    "This host has no master key for the sealed secrets {}.": "本机没有封存凭据 {0} 的主密钥。",
    "Put secrets.key back from its backup or another host, or: tokenworks secret set NAME":
        "请从备份或其他主机放回 secrets.key，或执行：tokenworks secret set 名称",
    "is left to the upstream, which caches by itself.": "交由上游处理，上游自行缓存。",
}
ROWS = SECRETS
