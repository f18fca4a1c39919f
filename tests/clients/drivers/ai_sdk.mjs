// Vercel's AI SDK: openai-compatible (chat completions), openai (responses), anthropic; it does the tool loop itself,
// and checks what comes against schemas of its own.

import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { Output, generateText, stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'
import { ABOUT, SAY, TOOL, WEATHER, main, usage } from './frame.mjs'

const Place = z.object({ city: z.string(), people: z.number().int() })
const tools = {
  [TOOL]: tool({ description: ABOUT, inputSchema: z.object({ city: z.string() }), execute: async () => WEATHER }),
}
const figures = (found) => usage(found.inputTokens, found.outputTokens, found.inputTokenDetails?.cacheReadTokens)

const providers = {
  chat: (baseURL, apiKey) => createOpenAICompatible({
    name: 'tokenworks', baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true }),
  responses: (baseURL, apiKey) => createOpenAI({ baseURL, apiKey }).responses,
  messages: (baseURL, apiKey) => createAnthropic({ baseURL, apiKey }),
}

const driver = (url, key, way) => {
  const provider = providers[way](`${url}/v1`, key)
  const plain = (name, more = {}) => generateText({ model: provider(name), prompt: SAY, ...more })
  const streamed = async (name, more = {}) => {
    let failure
    const result = streamText({ model: provider(name), prompt: SAY, onError: ({ error }) => { failure = error }, ...more })
    let text = ''
    for await (const part of result.textStream) text += part
    if (failure) throw failure
    return { text, usage: await result.usage, steps: await result.steps, finalText: await result.text }
  }
  const loop = (result, text) => {
    const [call] = result.steps[0].toolCalls
    return { name: call.toolName, arguments: call.input, text, usage: figures(result.steps.at(-1).usage) }
  }
  return {
    whole: async (name) => { const { text, usage: found } = await plain(name); return { text, usage: figures(found) } },
    stream: async (name) => { const { text, usage: found } = await streamed(name); return { text, usage: figures(found) } },
    tool: async (name) => {
      const result = await plain(name, { tools, stopWhen: stepCountIs(3) })
      return loop(result, result.text)
    },
    tool_stream: async (name) => {
      const result = await streamed(name, { tools, stopWhen: stepCountIs(3) })
      return loop(result, result.finalText)
    },
    structured: async (name) => ({ value: (await plain(name, { output: Output.object({ schema: Place }) })).output }),
  }
}

await main(driver)
