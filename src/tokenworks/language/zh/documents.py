"""Documents: apply, diff, export, and what can be wrong with them."""

from __future__ import annotations

COMMANDS = {
    "Make it so: create and change what documents declare, once the plan was shown and agreed to. Moves no money.":
        "照文档办理：先显示计划，经同意后创建并更改文档所声明的内容。不会动用任何资金。",
    "All documents are checked before anything is done. Applying the same again does nothing.":
        "动手之前先检查全部文档。再次应用相同的文档不会有任何动作。",
    "Show what `apply` would do. Ends with 1 when there is a difference, with 0 when there is none.":
        "显示 `apply` 会做什么。有差异时退出码为 1，没有差异时为 0。",
    "Write everything that can be declared as documents: YAML, or a JSON list. No secrets, no money.":
        "将所有可声明的内容写成文档：YAML，或一个 JSON 列表。不含凭据，不含资金。",
    "File of documents (YAML or JSON), folder of such files, or - for standard input; may be given again.":
        "文档文件（YAML 或 JSON）、存放这类文件的目录，或用 - 表示标准输入；可多次给出。",
    "Kinds to export, like Model or rate-card; none named: all.": "要导出的种类，如 Model 或 rate-card；不写则为全部。",
    "Show the plan, and do nothing.": "只显示计划，不做任何事。",
    "Ask nothing.": "不再询问。",
    "Plan documents. What applying them would do, field by field, and everything that is wrong with them.":
        "为文档制定计划。逐个字段说明应用它们会做什么，以及其中的一切错误。",
    "Apply documents. Creates and changes what they declare; refused as a whole when anything is wrong with them. "
    "Should a step be refused on the way, because somebody else has changed something meanwhile, what was done stays "
    "and the rest is left; applying again goes on from there.":
        "应用文档。创建并更改它们所声明的内容；其中有任何错误时整体拒绝。若途中某一步因他人同时做了更改而被拒绝，"
        "已完成的保留，其余的不做；再次应用会从那里继续。",
    "Export documents. All that can be declared, as it is now; secrets only as the references that they are.":
        "导出文档。所有可声明内容的现状；凭据只以引用出现。",
    "Documents: objects with apiVersion, kind, metadata and spec.":
        "文档：含 apiVersion、kind、metadata 和 spec 的对象。",
    "Of the plan that is meant: nothing is done when another would be done now.":
        "所指计划的摘要：若此刻会执行的是另一份计划，则什么也不做。",
    "Kinds, with commas: RateCard, Model, Deployment, Account, Key; left out: all.":
        "种类，用逗号分隔：RateCard、Model、Deployment、Account、Key；不写则为全部。",
    "Take away what is there and not declared, of the kinds that occur in the documents.":
        "对文档中出现的种类，去掉现有而未声明的。",
}
PLAN = {
    "nothing to do": "无事可做",
    "Plan: {}; {} unchanged.": "计划：{0}；{1} 项不变。",
    "{} to create": "创建 {0} 项", "{} to change": "更改 {0} 项", "{} to replace": "重建 {0} 项",
    "{} to remove": "去掉 {0} 项",
    "create": "创建", "change": "更改", "replace": "重建", "remove": "去掉",
    "done: {}": "已完成：{0}", "not done: {}": "未完成：{0}",
    "Done: {}.": "已完成 {0} 项。",
    "Do this? [y/N]": "照此执行吗？[y/N]",
    "its secret is shown once, when it is made": "其文本仅在创建时显示一次",
    "a new version; requests that began before keep theirs": "新版本；此前开始的请求仍用原版本",
    "closed: an account and its money stay in the books": "停用：账户及其资金仍留在账簿中",
    "revoked for good": "永久吊销",
    "{} is fixed when it is made": "{0} 在创建时确定，不可更改",
    "Keep the secrets: they are shown this once and are stored nowhere.":
        "请保存好密钥文本：仅此一次显示，任何地方都不留存。",
    "tokenworks: It stopped at {}\n  What was done stays. Apply again to go on from there.":
        "tokenworks：停在 {0}\n  已完成的保留。再次应用会从那里继续。",
    "Nothing was done.": "什么也没有做。",
    "Nobody can be asked here whether to go on.": "此处无人可询问是否继续。",
    "Look at the plan, then add --yes.": "请先看计划，再加上 --yes。",
    "Something has changed since the plan was made. Plan again, then decide.":
        "计划制定之后有了变化。请重新制定计划再决定。",
}
FAULTS = {
    "{} of what is declared cannot be; nothing was done.": "所声明的内容有 {0} 处不能成立；什么也没有做。",
    "The other stands at {}:{}.": "另一处在 {0}:{1}。",
    "A document has apiVersion, kind, metadata, spec; `tokenworks export` writes some.":
        "文档含 apiVersion、kind、metadata、spec；`tokenworks export` 可写出一些。",
    "There is no document in {}.": "{0} 中没有文档。",
    "Documents end in {}.": "文档文件的扩展名为 {0}。",
    "Write YAML or JSON; nothing was done.": "请写 YAML 或 JSON；什么也没有做。",
    "The tag {} has no meaning here. Leave it out.": "标签 {0} 在此没有意义。请去掉。",
    "{} is not UTF-8.": "{0} 不是 UTF-8。",
    "This is too deep or, with its aliases written out, too much.": "嵌套过深，或展开别名后内容过多。",
    "A name has to be a single word.": "名称必须是单个词。",
    "{} stands twice in the same table. Keep one of the two.": "{0} 在同一个表中出现两次。请保留其一。",
    "{} is not a whole number.": "{0} 不是整数。",
    "{} is not a table of fields.": "{0} 不是字段表。",
    "{} is a binary fraction. Write it in quotes, so that it is exact.": "{0} 是二进制小数。请加引号书写以保持精确。",
    "{}: it is none of those that there are. {}": "{0}：不在可用值之列。{1}",
    "it is none of those that there are. {}": "不在可用值之列。{0}",
    "Documents never move money: a payment is made once, not kept. Use `tokenworks topup`, and leave this document "
    "out.":
        "文档从不动用资金：付款是一次性的，不是要保持的状态。请使用 `tokenworks topup`，并去掉这份文档。",
    "There is no kind {}. Documents never move money: a payment is made once, not kept. Use `tokenworks topup`, and "
    "leave this document out.":
        "没有种类 {0}。文档从不动用资金：付款是一次性的，不是要保持的状态。请使用 `tokenworks topup`，并去掉这份文档。",
    "Secrets never stand in documents: seal them with `tokenworks secret set`, name them as sealed:NAME, and leave "
    "this document out.":
        "文档中从不写凭据：请用 `tokenworks secret set` 封存，以 sealed:NAME 引用，并去掉这份文档。",
    "There is no kind {}. {}": "没有种类 {0}。{1}",
    "there is no kind {}. {}": "没有种类 {0}。{1}",
    "kind is required. {}": "必须写 kind。{0}",
    "There is no {} {}. {}": "没有 {0} {1}。{2}",
    "Declare it: there is no {} yet.": "请声明它：目前还没有 {0}。",
    "An account keeps it for life: declare another account.": "账户终身不变：请声明另一个账户。",
    "A key keeps it for life: declare another key under a new name, and leave this one out.":
        "密钥终身不变：请用新名称声明另一把密钥，并去掉这一份。",
    "{} of {} {} is {} and cannot become {}. {}": "{1} {2} 的 {0} 是 {3}，不能改为 {4}。{5}",
    "{} {} is declared twice. Keep one of the two.": "{0} {1} 声明了两次。请保留其一。",
    "--prune would take {} {} away. Declare it, too.": "--prune 会去掉 {0} {1}。请一并声明它。",
    "--prune would take {} {} away, but {} {} needs it. Declare it, or remove {} first.":
        "--prune 会去掉 {0} {1}，但 {2} {3} 需要它。请声明它，或先移除 {4}。",
    "These name each other in a circle: {}. Take one out.": "它们循环引用：{0}。请去掉其中一个。",
    "This is not a document: write apiVersion, kind, metadata and spec.":
        "这不是文档：请写 apiVersion、kind、metadata 和 spec。",
    "apiVersion has to be {}.": "apiVersion 必须是 {0}。",
    "spec is not a table of fields.": "spec 不是字段表。",
    "metadata: write the name of the thing, as {name: ...}.": "metadata：请写明名称，如 {name: ...}。",
    "metadata: write the name of the thing, as {}.": "metadata：请写明名称，如 {0}。",
    "name is required, as a text.": "必须写名称，且为文本。",
    "There is no field {}: metadata holds the name alone.": "没有字段 {0}：metadata 只含名称。",
    "at most {} at once; apply them in parts": "一次最多 {0} 份；请分批应用",
    "{} ({} more like this; plan to see all)": "{0}（另有 {1} 处；制定计划可看到全部）",
    "({} more like this; plan to see all)": "（另有 {0} 处；制定计划可看到全部）",
}
RECORDS = {
    "Look at what there is before you try again: it may have been done.": "重试之前请先查看现状：操作可能已经完成。",
    "the books were restored": "账簿已被恢复",
}
LABELS = {
    "complete": "全部完成", "document": "文档", "done": "已完成", "faults": "错误", "keys": "密钥", "left": "未完成",
    "other": "另一份", "place": "位置", "remark": "备注", "steps": "步骤", "stopped": "停止原因", "unchanged": "不变",
    "under": "上级",
}
ROWS = COMMANDS | PLAN | FAULTS | RECORDS | LABELS
