// The official OpenAI library for JavaScript: chat completions and responses.

import OpenAI from 'openai'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { ABOUT, CITY, SAY, TOOL, WEATHER, main, usage } from './frame.mjs'

const Place = z.object({ city: z.string(), people: z.number().int() })
const USER = { role: 'user', content: SAY }
const CHAT_TOOLS = [{ type: 'function', function: { name: TOOL, description: ABOUT, parameters: CITY, strict: true } }]
const FLAT_TOOLS = [{ type: 'function', name: TOOL, description: ABOUT, parameters: CITY, strict: true }]

const figures = (found) => 'prompt_tokens' in found
  ? usage(found.prompt_tokens, found.completion_tokens, found.prompt_tokens_details?.cached_tokens)
  : usage(found.input_tokens, found.output_tokens, found.input_tokens_details.cached_tokens)

const chat = (client) => {
  const ask = (model, messages, more = {}) => client.chat.completions.create({ model, messages, max_tokens: 64, ...more })
  const join = async (model, messages, more = {}) => client.chat.completions
    .stream({ model, messages, max_tokens: 64, stream_options: { include_usage: true }, ...more }).finalChatCompletion()
  const told = (answer) => ({ text: answer.choices[0].message.content, usage: figures(answer.usage) })
  const loop = async (asked) => {
    const message = (await asked([USER])).choices[0].message
    const [call] = message.tool_calls
    const last = await asked([USER, { role: 'assistant', tool_calls: message.tool_calls },
      { role: 'tool', tool_call_id: call.id, content: WEATHER }])
    return { name: call.function.name, arguments: JSON.parse(call.function.arguments), ...told(last) }
  }
  return {
    whole: async (model) => told(await ask(model, [USER])),
    stream: async (model) => told(await join(model, [USER])),
    tool: (model) => loop((messages) => ask(model, messages, { tools: CHAT_TOOLS })),
    tool_stream: (model) => loop((messages) => join(model, messages, { tools: CHAT_TOOLS })),
    structured: async (model) => ({ value: (await client.chat.completions.parse(
      { model, messages: [USER], response_format: zodResponseFormat(Place, 'place') })).choices[0].message.parsed }),
  }
}

const responses = (client) => {
  const ask = (model, input, more = {}) => client.responses.create({ model, input, ...more })
  const join = (model, input, more = {}) => client.responses.stream({ model, input, ...more }).finalResponse()
  const told = (answer) => ({ text: answer.output_text, usage: figures(answer.usage) })
  const loop = async (asked) => {
    const call = (await asked(SAY)).output.find((item) => item.type === 'function_call')
    const { name, arguments: given, call_id: id } = call
    const last = await asked([USER, { type: 'function_call', call_id: id, name, arguments: given },
      { type: 'function_call_output', call_id: id, output: WEATHER }])
    return { name, arguments: JSON.parse(given), ...told(last) }
  }
  return {
    whole: async (model) => told(await ask(model, SAY)),
    stream: async (model) => told(await join(model, SAY)),
    tool: (model) => loop((input) => ask(model, input, { tools: FLAT_TOOLS })),
    tool_stream: (model) => loop((input) => join(model, input, { tools: FLAT_TOOLS })),
    structured: async (model) => ({ value: (await client.responses.parse(
      { model, input: SAY, text: { format: zodTextFormat(Place, 'place') } })).output_parsed }),
  }
}

await main((url, key, way) => ({ chat, responses })[way](new OpenAI({ baseURL: `${url}/v1`, apiKey: key, timeout: 30000 })))
